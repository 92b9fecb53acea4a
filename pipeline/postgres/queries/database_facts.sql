-- What a backup says of the database that it is of. PostgreSQL 13+.
select current_setting('server_version') as server_version,
       (select system_identifier::text from pg_control_system()) as cluster,
       pg_database_size(current_database()) as bytes,
       array(select extname::text from pg_extension where extname <> 'plpgsql' order by extname) as extensions
