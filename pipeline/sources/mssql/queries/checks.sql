-- Checks; column 0 is the table, and the definition NULL to a login that may not see it. SQL Server 2012, Babelfish.
select parent_object_id as object_id, name, parent_column_id as column_id, definition, is_disabled, is_not_trusted
from sys.check_constraints
order by parent_object_id, name
