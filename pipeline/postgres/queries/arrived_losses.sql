-- Losses of rows that are in the target: that do not wait in the quarantine, and whose load was not taken back.
-- Asked each time, as a part of other queries: a view would hold the ledger's columns fast. PostgreSQL 13+.
select *
from _naru.loss l
where not exists (
    select from _naru.load b
    where (b.target_schema, b.target_table) = (l.target_schema, l.target_table) and b.rolled_back_by is not null)
  and not exists (
    select from _naru.reject r
    where (r.target_schema, r.target_table, r.locator) = (l.target_schema, l.target_table, l.locator)
      and r.replayed_at is null)
