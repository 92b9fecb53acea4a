-- Waiting rejects by table, stage and reason. PostgreSQL 13+.
select target_schema, target_table, stage, reason, count(*)
from ({waiting_rejects}) r
group by target_schema, target_table, stage, reason
order by target_schema, target_table, stage, reason
