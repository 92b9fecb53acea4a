-- Waiting rejects of a table by stage and reason. PostgreSQL 13+.
select stage, reason, count(*)
from _naru.reject
where (target_schema, target_table) = (%(schema)s, %(table)s) and replayed_at is null
group by stage, reason
