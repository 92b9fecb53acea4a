-- Indexes of a table: name, key columns (NULL for an expression), descending flags, included columns, unique,
-- primary, predicate (NULL for all rows), valid. PostgreSQL 13+.
select i.relname,
       array(select a.attname from unnest(x.indkey[:x.indnkeyatts - 1]) with ordinality k (attnum, n)
             left join pg_attribute a on (a.attrelid, a.attnum) = (x.indrelid, k.attnum) and k.attnum > 0
             order by k.n),
       array(select (o & 1) = 1 from unnest(x.indoption) o),
       array(select a.attname from unnest(x.indkey[x.indnkeyatts:]) with ordinality k (attnum, n)
             join pg_attribute a on (a.attrelid, a.attnum) = (x.indrelid, k.attnum)
             order by k.n),
       x.indisunique,
       x.indisprimary,
       pg_get_expr(x.indpred, x.indrelid),
       x.indisvalid
from pg_index x
join pg_class i on i.oid = x.indexrelid
where x.indrelid = to_regclass(%(relation)s)
order by i.relname
