-- Foreign keys of a table that are never checked late; without those that it has from a table that it is a
-- partition of. PostgreSQL 13+.
select c.conname
from pg_constraint c
where c.conrelid = to_regclass(%(relation)s) and c.contype = 'f' and not c.condeferrable and c.conparentid = 0
