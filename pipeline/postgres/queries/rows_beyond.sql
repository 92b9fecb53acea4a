-- Of tables, by their full names, those of which rows stand in another place than these ones; the name as it was given.
-- A partitioned table's rows stand in its partitions, and a table that others inherit from shows theirs as well. What
-- belongs to an extension comes back with that. PostgreSQL 13+.
with recursive part (whole, oid) as (
    select name, to_regclass(name)::oid from unnest(%(tables)s::text[]) name
    union
    select p.whole, i.inhrelid from part p join pg_inherits i on i.inhparent = p.oid
)
select distinct p.whole
from part p
join pg_class c on c.oid = p.oid
join pg_namespace n on n.oid = c.relnamespace
where (
      c.relkind = 'f'
      or c.relkind = 'r' and pg_relation_size(c.oid) > 0 and not exists (
          select from unnest(%(schemas)s::text[], %(names)s::text[]) known (schema, name)
          where (known.schema, known.name) = (n.nspname, c.relname)
      )
  )
  and not exists (
      select from pg_depend d
      where (d.classid, d.objid, d.deptype) = ('pg_class'::regclass, c.oid, 'e')
  )
