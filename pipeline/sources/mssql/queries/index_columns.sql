-- Columns of indexes: key columns from 1 on in their order, and those that are included, which have 0.
-- SQL Server 2012, Babelfish.
select ic.object_id, ic.index_id, ic.column_id, ic.key_ordinal, ic.is_descending_key, ic.is_included_column
from sys.index_columns ic
join sys.tables t on t.object_id = ic.object_id
where t.is_ms_shipped = 0
order by ic.object_id, ic.index_id, ic.key_ordinal, ic.index_column_id
