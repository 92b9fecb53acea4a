-- The run whose loads another run went on with: with their rows, or with their keys and relationships. PostgreSQL 13+.
select l.run_id
from (select run_id, target_schema, target_table from _naru.batch
      union all
      select run_id, target_schema, target_table from _naru.reject
      where stage = 'constraint' and locator is not null) h  -- a row without a locator had been settled before
join _naru.load l using (target_schema, target_table)
where h.run_id = %(run_id)s and l.run_id <> %(run_id)s and l.rolled_back_by is null
limit 1
