-- Descriptions of tables, whose column is 0, and of columns. SQL Server 2012, Babelfish 2.4.
select major_id as object_id, minor_id as column_id, cast(value as nvarchar(4000)) as text
from sys.extended_properties
where class = 1 and name = 'MS_Description'
