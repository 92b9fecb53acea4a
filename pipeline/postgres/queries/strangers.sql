-- What users have made in this database, a few of it: relations, routines and types that no extension brought along,
-- schemas but public, and large objects; the ledger of Naru last, by which nobody knows the database. PostgreSQL 13+.
with made as (
    select 'pg_class'::regclass as class, c.oid, c.relnamespace as space, c.relname as name
    from pg_class c where c.relkind not in ('i', 'I', 't')
    union all
    select 'pg_proc'::regclass, p.oid, p.pronamespace, p.proname from pg_proc p
    union all
    select 'pg_type'::regclass, t.oid, t.typnamespace, t.typname
    from pg_type t where t.typtype in ('d', 'e', 'r') or (t.typtype = 'b' and t.typelem = 0)
),
found as (
    select format('%I.%I', n.nspname, made.name) as name, n.nspname = '_naru' as ledger
    from made
    join pg_namespace n on n.oid = made.space
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (select from pg_depend d where (d.classid, d.objid, d.deptype) = (made.class, made.oid, 'e'))
    union all
    select format('schema %I', n.nspname), n.nspname = '_naru' from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname not in ('public', 'information_schema')
      and not exists (
          select from pg_depend d where (d.classid, d.objid, d.deptype) = ('pg_namespace'::regclass, n.oid, 'e')
      )
    union all
    select 'large object ' || m.oid, false from pg_largeobject_metadata m
)
select name from found
order by ledger, name
limit 4
