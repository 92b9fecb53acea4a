-- Who owns the ledger, and whether that is us; asked of the catalog, as its schema may be closed to us. PostgreSQL 13+.
select pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'usage')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = '_naru' and c.relname = 'run'
