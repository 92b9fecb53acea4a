-- What tells the database that is read apart from another of its name, one row; of a database snapshot, that of which
-- it is one. SQL Server 2012, Babelfish.
select origin.name as name,
       cast(serverproperty('ServerName') as nvarchar(128)) as server,
       convert(nvarchar(30), origin.create_date, 126) as created,
       cast(collationproperty(cast(databasepropertyex(here.name, 'Collation') as nvarchar(128)), 'CodePage') as int)
           as code_page
from sys.databases here
join sys.databases origin on origin.database_id = isnull(here.source_database_id, here.database_id)
where here.database_id = db_id()
