-- Whether a schema is there, and what this role may do in it and in its database. PostgreSQL 13+.
select s.oid is not null as there,
       coalesce(has_schema_privilege(s.oid, 'usage'), false) as may_use,
       coalesce(has_schema_privilege(s.oid, 'create'), false) as may_create,
       has_database_privilege(current_database(), 'create') as may_make_schemas
from (select to_regnamespace(quote_ident(%(schema)s))::oid) s (oid)
