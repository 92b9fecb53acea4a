-- Foreign keys of a table that hold no row to anything, since triggers of theirs are disabled, on it or on the parent,
-- or do not fire in the role that the database or the user is given. Of a partitioned table those of its partitions
-- count, which stand below its own constraint. PostgreSQL 13+.
with recursive part (name, oid) as (
  select c.conname, c.oid
  from pg_constraint c
  where c.conrelid = to_regclass(%(relation)s) and c.contype = 'f'
    -- A key to a partitioned table has a row for each of its partitions besides its own.
    and not exists (select from pg_constraint o where o.oid = c.conparentid and o.conrelid = c.conrelid)
  union all
  select part.name, c.oid from part join pg_constraint c on c.conparentid = part.oid
)
select distinct part.name
from part
join pg_trigger t on t.tgconstraint = part.oid
  and t.tgenabled not in ('A', case current_setting('session_replication_role') when 'replica' then 'R' else 'O' end)
join pg_class r on r.oid = t.tgrelid and r.relkind <> 'p'
