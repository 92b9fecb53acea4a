-- Tables that are more than a table. SQL Server 2016, Babelfish.
select t.object_id, t.is_filetable, t.is_memory_optimized, t.is_external, t.temporal_type, t.history_table_id
from sys.tables t
where t.is_ms_shipped = 0
  and (t.is_filetable = 1 or t.is_memory_optimized = 1 or t.is_external = 1 or t.temporal_type <> 0)
