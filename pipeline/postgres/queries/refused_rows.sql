-- Rows of a table's source that never arrived, and wait to be replayed. PostgreSQL 13+.
select locator, row_values::text
from _naru.reject
where (target_schema, target_table) = (%(schema)s, %(table)s)
    and replayed_at is null and stage <> 'constraint' and locator is not null
