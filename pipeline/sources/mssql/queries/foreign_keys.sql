-- Foreign keys; the actions are 0 nothing, 1 cascade, 2 set null, 3 set default. SQL Server 2012, Babelfish.
select object_id as key_id, parent_object_id as object_id, name, referenced_object_id, is_disabled, is_not_trusted,
       update_referential_action as on_update, delete_referential_action as on_delete
from sys.foreign_keys
order by parent_object_id, name
