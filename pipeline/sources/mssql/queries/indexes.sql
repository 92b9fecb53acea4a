-- Indexes of tables and views, those of keys among them; the filter is NULL to a login that may not see it. SQL Server
-- 2012, Babelfish.
select i.object_id, i.index_id, i.name, i.type, i.type_desc, i.is_unique, i.is_primary_key, i.is_unique_constraint,
       i.is_disabled, i.is_hypothetical, i.has_filter, i.filter_definition
from sys.indexes i
join sys.objects o on o.object_id = i.object_id
where o.is_ms_shipped = 0 and o.type in ('U', 'V') and i.type <> 0
order by i.object_id, i.index_id
