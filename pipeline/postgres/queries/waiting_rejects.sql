-- Rejects that were not replayed, of loads that were not taken back. A part of other queries. PostgreSQL 13+.
select *
from _naru.reject r
where replayed_at is null
  and not exists (
    select from _naru.load b
    where (b.target_schema, b.target_table) = (r.target_schema, r.target_table) and b.rolled_back_by is not null)
