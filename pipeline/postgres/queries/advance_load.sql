-- Moves a load past a batch and records the batch, in one round trip. A load that has no forecast gets one when
-- its second batch has come, unless that is the last: the rest at the second's pace, for the first is read before
-- anything is written, and takes twice as long. PostgreSQL 13+.
with forecast as (
    select seconds + (planned_rows - rows_read) * %(seconds)s::float8 / %(read)s::bigint as seconds
    from _naru.load
    where (target_schema, target_table) = (%(schema)s, %(table)s)
      and planned_seconds is null and batches = 1 and %(read)s > 0 and planned_rows > rows_read + %(read)s
), load as (
    update _naru.load
    set position = %(position)s, batches = batches + 1, rows_read = rows_read + %(read)s,
        rows_filtered = rows_filtered + %(filtered)s, seconds = seconds + %(seconds)s,
        planned_seconds = coalesce(planned_seconds, (select seconds from forecast)),
        planned_by = coalesce(planned_by, (select %(run_id)s::text from forecast))
    where (target_schema, target_table) = (%(schema)s, %(table)s)
    returning batches
)
insert into _naru.batch (run_id, target_schema, target_table, batch, rows_read, rows_loaded, seconds)
select %(run_id)s, %(schema)s, %(table)s, batches, %(read)s, %(loaded)s, %(seconds)s
from load
