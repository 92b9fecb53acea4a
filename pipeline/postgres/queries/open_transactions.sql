-- Transactions that other sessions of this database have open, oldest first; of some, this role is not told the age.
-- PostgreSQL 13+.
select a.pid, coalesce(a.usename, '?') as role, coalesce(nullif(a.application_name, ''), 'an unnamed program') as program,
       floor(extract(epoch from clock_timestamp() - a.xact_start))::integer as seconds, a.state
from pg_stat_activity a
where a.datname = current_database() and a.pid <> pg_backend_pid() and a.usesysid is not null
  and case when a.query = '<insufficient privilege>'
           then exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'virtualxid' and l.granted)
           else a.xact_start < clock_timestamp() - make_interval(secs => %(older_s)s) end
order by a.xact_start nulls last
