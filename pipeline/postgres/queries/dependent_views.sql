-- Views over a relation, and the views over those. PostgreSQL 13+.
with recursive dependent (id) as (
    select to_regclass(%(relation)s)::oid
    union
    select r.ev_class
    from dependent
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = dependent.id
    join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
)
select n.nspname, c.relname
from dependent
join pg_class c on c.oid = dependent.id
join pg_namespace n on n.oid = c.relnamespace
where c.oid <> to_regclass(%(relation)s)
order by n.nspname, c.relname
