-- Columns that the login sees and may not read. SQL Server 2012, Babelfish 2.2.
select c.object_id, c.column_id
from sys.columns c
join sys.tables t on t.object_id = c.object_id
join sys.schemas s on s.schema_id = t.schema_id
where t.is_ms_shipped = 0
  and has_perms_by_name(quotename(s.name) + '.' + quotename(t.name), 'OBJECT', 'SELECT', c.name, 'COLUMN') = 0
order by c.object_id, c.column_id
