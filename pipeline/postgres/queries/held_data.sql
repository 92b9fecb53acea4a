-- Something that holds data of users in this database, one of its tables or its large objects; no row where nothing does.
-- A table is asked for its size, which needs no right to it and reads no row; one whose rows are all deleted may still
-- count. One that another session locks against everything is taken to hold data, and not waited for. PostgreSQL 13+.
select held.name
from (
    select format('table %I.%I', n.nspname, c.relname) as name, c.oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_'
      and n.nspname not in ('information_schema', '_naru')
      and not exists (
          select from pg_depend d
          where (d.classid, d.objid, d.deptype) = ('pg_class'::regclass, c.oid, 'e')
      )
) held
where case
    when exists (select from pg_locks l where l.relation = held.oid and l.mode = 'AccessExclusiveLock') then true
    else pg_relation_size(held.oid) > 0
end
union all
select 'large object ' || m.oid from pg_largeobject_metadata m
limit 1
