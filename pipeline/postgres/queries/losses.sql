-- Losses of rows that are in the target, oldest first, of all or of what is named. PostgreSQL 13+.
select loss_id, run_id, target_schema, target_table, source_table, locator, key::text,
       column_name, target_column, rule, before, after
from ({arrived_losses}) l
where (%(schema)s::text is null or target_schema = %(schema)s)
  and (%(table)s::text is null or target_table = %(table)s)
  and (%(column)s::text is null or %(column)s in (column_name, target_column))
  and (%(rule)s::text is null or rule = %(rule)s or %(rule)s = any(string_to_array(rule, '+')))
order by loss_id
limit %(limit)s
