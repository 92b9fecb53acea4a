-- Pairs of columns of foreign keys, from 1 on. SQL Server 2012, Babelfish.
select constraint_object_id as key_id, constraint_column_id as ordinal, parent_column_id, referenced_object_id,
       referenced_column_id
from sys.foreign_key_columns
order by constraint_object_id, constraint_column_id
