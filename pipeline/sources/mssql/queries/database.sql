-- The database and its server, one row. SQL Server 2012, Babelfish.
select db_name() as name,
       quotename(user_name()) as login,
       cast(databasepropertyex(db_name(), 'Collation') as nvarchar(128)) as collation,
       cast(serverproperty('ServerName') as nvarchar(128)) as server,
       cast(serverproperty('ProductVersion') as nvarchar(128)) as version,
       cast(serverproperty('Edition') as nvarchar(128)) as edition
