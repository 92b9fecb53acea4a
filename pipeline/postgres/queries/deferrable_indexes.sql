-- Unique indexes of a table that may be checked late, which `on conflict` cannot use. PostgreSQL 13+.
select i.relname
from pg_index x
join pg_class i on i.oid = x.indexrelid
where x.indrelid = to_regclass(%(relation)s) and not x.indimmediate
