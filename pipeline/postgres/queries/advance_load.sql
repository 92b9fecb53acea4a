-- Moves a load past a batch and records the batch, in one round trip. PostgreSQL 13+.
with load as (
    update _naru.load
    set position = %(position)s, batches = batches + 1, rows_read = rows_read + %(read)s,
        rows_filtered = rows_filtered + %(filtered)s, seconds = seconds + %(seconds)s
    where (target_schema, target_table) = (%(schema)s, %(table)s)
    returning batches
)
insert into _naru.batch (run_id, target_schema, target_table, batch, rows_read, rows_loaded, seconds)
select %(run_id)s, %(schema)s, %(table)s, batches, %(read)s, %(loaded)s, %(seconds)s
from load
