-- Losses of rows that are in the target, oldest first, of all or of what is named. PostgreSQL 13+.
select loss_id, run_id, target_schema, target_table, source_table, locator, key::text,
       column_name, target_column, rule, before, after
from _naru.loss l
where not exists (
    select from _naru.load b
    where (b.target_schema, b.target_table) = (l.target_schema, l.target_table) and b.rolled_back_by is not null)
  and (%(schema)s::text is null or target_schema = %(schema)s)
  and (%(table)s::text is null or target_table = %(table)s)
  and (%(column)s::text is null or %(column)s in (column_name, target_column))
  and (%(rule)s::text is null or rule = %(rule)s or %(rule)s = any(string_to_array(rule, '+')))
  and not exists (
    select from _naru.reject r
    where (r.target_schema, r.target_table, r.locator) = (l.target_schema, l.target_table, l.locator)
      and r.replayed_at is null)
order by loss_id
limit %(limit)s
