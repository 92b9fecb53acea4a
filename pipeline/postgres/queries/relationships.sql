-- Foreign keys between tables of schemas, once each. PostgreSQL 13+.
select c.conname as name, n.nspname as child_schema, t.relname as child, m.nspname as parent_schema,
       p.relname as parent,
       array(select a.attname::text from unnest(c.conkey) with ordinality k (attnum, n)
             join pg_attribute a on (a.attrelid, a.attnum) = (c.conrelid, k.attnum) order by k.n) as columns
from pg_constraint c
join pg_class t on t.oid = c.conrelid
join pg_namespace n on n.oid = t.relnamespace
join pg_class p on p.oid = c.confrelid
join pg_namespace m on m.oid = p.relnamespace
where c.contype = 'f' and c.conparentid = 0 and n.nspname = any(%(schemas)s) and m.nspname = any(%(schemas)s)
order by n.nspname, t.relname, c.conname
