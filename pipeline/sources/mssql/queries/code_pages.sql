-- The code page of char, varchar and text by collation: 65001 is UTF-8, 0 is none. SQL Server 2012, Babelfish.
select distinct c.collation_name, cast(collationproperty(c.collation_name, 'CodePage') as int) as code_page
from sys.columns c
join sys.tables t on t.object_id = c.object_id
where t.is_ms_shipped = 0 and c.collation_name is not null
