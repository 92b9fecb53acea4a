-- Which layout of the ledger stands, who owns it, and whether that is us. PostgreSQL 13+.
select obj_description(oid, 'pg_class'), pg_get_userbyid(relowner), pg_has_role(relowner, 'usage')
from pg_class
where oid = to_regclass('_naru.run')
