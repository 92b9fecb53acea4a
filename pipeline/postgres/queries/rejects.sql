-- Waiting rejects, oldest first, of one table or of all. PostgreSQL 13+.
select reject_id, run_id, target_schema, target_table, source_table, locator, stage, reason, detail,
       key::text, row_values::text
from ({waiting_rejects}) r
where reject_id > %(after)s
  and (%(schema)s::text is null or target_schema = %(schema)s)
  and (%(table)s::text is null or target_table = %(table)s)
order by reject_id
limit %(limit)s
