-- Tables that the login may see. SQL Server 2012, Babelfish.
select t.object_id, s.name as schema_name, t.name
from sys.tables t
join sys.schemas s on s.schema_id = t.schema_id
where t.is_ms_shipped = 0
order by s.name, t.name
