-- Waiting rejects by table, stage and reason. PostgreSQL 13+.
select target_schema, target_table, stage, reason, count(*)
from _naru.reject r
where replayed_at is null
  and not exists (
    select from _naru.load b
    where (b.target_schema, b.target_table) = (r.target_schema, r.target_table) and b.rolled_back_by is not null)
group by target_schema, target_table, stage, reason
order by target_schema, target_table, stage, reason
