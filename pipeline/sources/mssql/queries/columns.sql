-- Columns of tables in their order. The base type is NULL for a CLR type: those of the server are of the schema sys.
-- SQL Server 2012, Babelfish.
select c.object_id, c.column_id, c.name, b.name as base_type, ts.name as type_schema, u.name as type_name,
       c.max_length, c.precision, c.scale, c.collation_name, c.is_nullable, c.is_identity, c.is_computed
from sys.columns c
join sys.tables t on t.object_id = c.object_id
left join sys.types b on b.user_type_id = c.system_type_id
left join sys.types u on u.user_type_id = c.user_type_id
left join sys.schemas ts on ts.schema_id = u.schema_id
where t.is_ms_shipped = 0
order by c.object_id, c.column_id
