-- Waiting rejects of a table by reason, with the detail of the oldest. PostgreSQL 13+.
select reason, count(*), (array_agg(detail order by reject_id))[1]
from _naru.reject
where (target_schema, target_table) = (%(schema)s, %(table)s) and replayed_at is null
group by reason
order by reason
