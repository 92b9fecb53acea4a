-- Foreign keys of a table that hold no row to anything, since triggers of theirs are disabled, on it or on the
-- parent. PostgreSQL 13+.
select c.conname
from pg_constraint c
where c.conrelid = to_regclass(%(relation)s) and c.contype = 'f'
  and exists (select from pg_trigger t where t.tgconstraint = c.oid and t.tgenabled in ('D', 'R'))
