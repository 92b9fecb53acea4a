-- What of a database and of the role to own it is there, and what the administrator may do. PostgreSQL 13+.
select owner.rolcanlogin as owner_logs_in,
       d.oid is not null as has_database,
       coalesce(has_database_privilege(owner.oid, d.oid, 'create'), false) as owner_may_create,
       coalesce(has_database_privilege(owner.oid, d.oid, 'connect'), false) as owner_may_connect,
       coalesce(has_database_privilege(owner.oid, d.oid, 'temporary'), false) as owner_may_stage,
       pg_encoding_to_char(d.encoding) as encoding,
       admin.rolname as admin,
       admin.rolsuper or coalesce(pg_has_role(admin.oid, owner.oid, case
           when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end), false) as admin_acts,
       exists (select from pg_collation where collprovider = 'i') as has_icu,
       (select min(collname) from pg_collation where collprovider = 'c' and lower(collname) in ('c.utf8', 'c.utf-8'))
           as utf8_locale
from pg_roles admin
left join pg_roles owner on owner.rolname = %(owner)s
left join pg_database d on d.datname = %(database)s
where admin.rolname = current_user
