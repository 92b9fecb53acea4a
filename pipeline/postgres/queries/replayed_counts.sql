-- Rejects by table that were replayed into it. PostgreSQL 13+.
select target_schema, target_table, count(*)
from _naru.reject
where replayed_at is not null
group by target_schema, target_table
