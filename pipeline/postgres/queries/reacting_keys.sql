-- Foreign keys, of other tables and of its own, by which rows go or change when those of a table are deleted or
-- updated. PostgreSQL 13+.
select c.conname, n.nspname, t.relname,
       array(select a.attname from unnest(c.conkey) with ordinality k (attnum, n)
             join pg_attribute a on (a.attrelid, a.attnum) = (c.conrelid, k.attnum) order by k.n),
       array(select a.attname from unnest(c.confkey) with ordinality k (attnum, n)
             join pg_attribute a on (a.attrelid, a.attnum) = (c.confrelid, k.attnum) order by k.n)
from pg_constraint c
join pg_class t on t.oid = c.conrelid
join pg_namespace n on n.oid = t.relnamespace
where c.confrelid = to_regclass(%(relation)s) and c.contype = 'f' and c.conparentid = 0
  and case %(event)s when 'delete' then c.confdeltype else c.confupdtype end in ('c', 'n', 'd')
order by c.conname
