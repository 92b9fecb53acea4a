-- Locks of others on tables of a schema that no row can be written beside. PostgreSQL 13+.
select c.relname as name, l.mode, l.pid, coalesce(nullif(a.application_name, ''), 'an unnamed program') as program
from pg_locks l
join pg_class c on c.oid = l.relation
left join pg_stat_activity a on a.pid = l.pid
where l.granted and l.locktype = 'relation' and l.pid is distinct from pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())
  and c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) and c.relname = any(%(tables)s)
  and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
order by c.relname, l.pid
