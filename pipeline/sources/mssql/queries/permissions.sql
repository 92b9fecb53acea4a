-- What the login may see of the whole database, one row: NULL where the server does not know. SQL Server 2012.
select has_perms_by_name(quotename(db_name()), 'DATABASE', 'VIEW DEFINITION') as sees_definitions
