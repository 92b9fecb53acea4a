-- Tables of all schemas of users that hold rows of their own, with the columns that are written. PostgreSQL 13+.
-- Not partitioned tables, whose partitions hold the rows, and not what belongs to an extension, which brings it along.
select n.nspname as schema,
       c.relname as name,
       array(
           select a.attname::text from pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
           order by a.attname -- a restored child of a table may have its columns in another order
       ) as columns
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where (d.classid, d.objid, d.deptype) = ('pg_class'::regclass, c.oid, 'e')
  )
order by n.nspname, c.relname
