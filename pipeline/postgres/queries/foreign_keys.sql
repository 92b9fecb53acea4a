-- Foreign keys of a table to tables of its own schema. PostgreSQL 13+.
select c.conname,
       array(select a.attname from unnest(c.conkey) with ordinality k (attnum, n)
             join pg_attribute a on (a.attrelid, a.attnum) = (c.conrelid, k.attnum) order by k.n),
       p.relname,
       array(select a.attname from unnest(c.confkey) with ordinality k (attnum, n)
             join pg_attribute a on (a.attrelid, a.attnum) = (c.confrelid, k.attnum) order by k.n),
       c.confupdtype,
       c.confdeltype,
       c.convalidated
from pg_constraint c
join pg_class p on p.oid = c.confrelid and p.relnamespace = c.connamespace
where c.conrelid = to_regclass(%(relation)s) and c.contype = 'f'
  -- A key to a partitioned table has a row for each of its partitions besides its own.
  and not exists (select from pg_constraint o where o.oid = c.conparentid and o.conrelid = c.conrelid)
order by c.conname
