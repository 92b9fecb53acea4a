-- Rejects of a table that wait, and those that were replayed. PostgreSQL 13+.
select count(*) filter (where replayed_at is null), count(replayed_at)
from _naru.reject
where (target_schema, target_table) = (%(schema)s, %(table)s)
