-- Views; the definition is NULL for an encrypted one, and to a login that may not see it. SQL Server 2012, Babelfish.
select s.name as schema_name, v.name, m.definition
from sys.views v
join sys.schemas s on s.schema_id = v.schema_id
left join sys.sql_modules m on m.object_id = v.object_id
where v.is_ms_shipped = 0
order by s.name, v.name
