-- Those of the wanted types that this session does not find, each with its extension: whether the server has it to
-- be created, and the schema that it was created in. PostgreSQL 13+.
select wanted.type, wanted.extension,
       exists (select from pg_available_extensions a where a.name = wanted.extension) as available,
       (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
        where e.extname = wanted.extension) as schema
from unnest(%(types)s::text[], %(extensions)s::text[]) as wanted (type, extension)
where to_regtype(wanted.type) is null
order by wanted.type
