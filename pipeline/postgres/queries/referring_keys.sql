-- Foreign keys that other tables hold on a table. PostgreSQL 13+.
select c.conname, n.nspname, t.relname
from pg_constraint c
join pg_class t on t.oid = c.conrelid
join pg_namespace n on n.oid = t.relnamespace
where c.confrelid = to_regclass(%(relation)s) and c.contype = 'f'
  and c.conrelid <> c.confrelid and c.conparentid = 0
order by n.nspname, t.relname, c.conname
