-- Checks of a table, with the columns they speak of. PostgreSQL 13+.
select c.conname,
       pg_get_expr(c.conbin, c.conrelid),
       array(select a.attname from unnest(c.conkey) k (attnum)
             join pg_attribute a on (a.attrelid, a.attnum) = (c.conrelid, k.attnum) order by a.attname),
       c.convalidated
from pg_constraint c
where c.conrelid = to_regclass(%(relation)s) and c.contype = 'c'
order by c.conname
