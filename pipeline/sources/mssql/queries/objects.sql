-- How many there are of each kind of object that is neither table, view nor what belongs to them, and not the
-- server's own. SQL Server 2012, Babelfish.
select rtrim(type) as type, type_desc, count(*) as object_count
from sys.objects
where is_ms_shipped = 0 and type not in ('U', 'V', 'PK', 'UQ', 'F', 'C', 'D', 'S', 'IT')
group by type, type_desc
