-- How many more connections the server, the database and this role may have; null: no limit. PostgreSQL 13+.
with client as (  -- what is hidden of others' sessions is neither the database nor the user
    select datid, usesysid from pg_stat_activity where datid is not null and usesysid is not null
)
select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
       - coalesce(current_setting('reserved_connections', true)::integer, 0)  -- PostgreSQL 16
       - (select count(*) from client) as server,
       (select nullif(datconnlimit, -1) - (select count(*) from client where datid = d.oid)
        from pg_database d where datname = current_database()) as database,
       (select nullif(rolconnlimit, -1) - (select count(*) from client where usesysid = r.oid)
        from pg_roles r where rolname = session_user) as role
