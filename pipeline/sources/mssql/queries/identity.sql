-- What tells the database that is read apart from another of its name, one row; of a database snapshot, that of which
-- it is one. Found by name, as Azure SQL Database numbers it otherwise in sys.databases than DB_ID() does. SQL Server
-- 2012, Babelfish.
select isnull(origin.name, here.name) as name,
       cast(serverproperty('ServerName') as nvarchar(128)) as server,
       convert(nvarchar(30), isnull(origin.create_date, here.create_date), 126) as created,
       cast(collationproperty(cast(databasepropertyex(here.name, 'Collation') as nvarchar(128)), 'CodePage') as int)
           as code_page
from sys.databases here
left join sys.databases origin on origin.database_id = here.source_database_id
where here.name = db_name()
