-- Columns that the server made for nodes and edges; those of 2, 5 and 8 it shows as JSON, the others never.
-- SQL Server 2017, Babelfish.
select c.object_id, c.column_id, c.graph_type
from sys.columns c
join sys.tables t on t.object_id = c.object_id
where t.is_ms_shipped = 0 and c.graph_type is not null
