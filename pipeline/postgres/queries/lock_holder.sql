-- Who holds an advisory lock of this database. PostgreSQL 13+.
select coalesce(nullif(a.application_name, ''), 'an unnamed program'), l.pid, a.backend_start
from pg_locks l
join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
  and (l.classid::bigint << 32 | l.objid::bigint) = %(key)s and l.objsubid = 1
