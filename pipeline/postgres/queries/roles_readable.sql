-- Whether this role may read all that pg_dumpall asks about roles. PostgreSQL 13+.
select bool_and(has_table_privilege(c.oid, 'select'))
from pg_class c
where c.relnamespace = 'pg_catalog'::regnamespace
  and c.relname in (
      'pg_roles', 'pg_auth_members', 'pg_db_role_setting', 'pg_database', 'pg_shdescription', 'pg_shseclabel',
      'pg_parameter_acl' -- PostgreSQL 15
  )
