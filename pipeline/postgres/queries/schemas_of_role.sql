-- Which of the schemas are there, and whether a role may work in them. PostgreSQL 13+.
select wanted.name, s.oid is not null as there,
       coalesce(has_schema_privilege(r.oid, s.oid, 'usage') and has_schema_privilege(r.oid, s.oid, 'create'), false)
           as usable
from unnest(%(schemas)s::text[]) with ordinality as wanted (name, place)
left join pg_namespace s on s.nspname = wanted.name
left join pg_roles r on r.rolname = %(owner)s
order by wanted.place
