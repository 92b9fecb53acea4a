-- Losses of rows that are in the target, by table, column and rule, of all or of what is named. PostgreSQL 13+.
select target_schema, target_table, target_column, rule, count(*)
from ({arrived_losses}) l
where (%(column)s::text is null or %(column)s in (column_name, target_column))
  and (%(rule)s::text is null or rule = %(rule)s or %(rule)s = any(string_to_array(rule, '+')))
group by target_schema, target_table, target_column, rule
order by target_schema, target_table, target_column, rule
