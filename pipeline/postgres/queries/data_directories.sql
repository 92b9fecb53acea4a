-- The server process of this session, and where the data of new tables and the log of changes go; null: this role is
-- not told. PostgreSQL 13+.
select pg_backend_pid(), (select setting from pg_settings where name = 'data_directory'),
       nullif(pg_tablespace_location(coalesce(
           (select oid from pg_tablespace where spcname = nullif(current_setting('default_tablespace'), '')),
           (select dattablespace from pg_database where datname = current_database()))), '')
