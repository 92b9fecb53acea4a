-- Which rights this role lacks on tables that stand in a schema. PostgreSQL 13+.
select c.relname as name,
       array(select lower(p) from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
             where not has_table_privilege(c.oid, p)) as lacking
from pg_class c
where c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) and c.relname = any(%(tables)s)
  and c.relkind in ('r', 'p')
order by c.relname
