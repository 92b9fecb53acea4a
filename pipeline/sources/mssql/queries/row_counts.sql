-- Rows by table as the server believes; Babelfish has -1 where nothing counted them. SQL Server 2012, Babelfish.
select p.object_id, sum(p.rows) as row_count
from sys.partitions p
join sys.tables t on t.object_id = p.object_id
where t.is_ms_shipped = 0 and p.index_id in (0, 1)
group by p.object_id
