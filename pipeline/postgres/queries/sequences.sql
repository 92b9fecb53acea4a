-- Sequences of all schemas of users, those of identity columns included, and not what an extension brings along.
-- PostgreSQL 13+.
select n.nspname as schema, c.relname as name, s.seqincrement as increment
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where (d.classid, d.objid, d.deptype) = ('pg_class'::regclass, c.oid, 'e')
  )
order by n.nspname, c.relname
