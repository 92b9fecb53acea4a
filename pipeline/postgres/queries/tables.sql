-- Tables of a schema, with their comments. PostgreSQL 13+.
select c.relname, obj_description(c.oid, 'pg_class')
from pg_class c
where c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) and c.relkind in ('r', 'p')
order by c.relname
