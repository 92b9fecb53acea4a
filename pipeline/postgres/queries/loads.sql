-- Where loads stand that have not been taken back, of one table or of all. PostgreSQL 13+.
select target_schema, target_table, source_table, run_id, fingerprint, mapping_digest, staging, state, position,
       batches, rows_read, rows_filtered, rows_rejected, rows_before, rows_updated, seconds,
       planned_rows, planned_seconds, planned_by
from _naru.load
where rolled_back_by is null
  and (%(schema)s::text is null or target_schema = %(schema)s)
  and (%(table)s::text is null or target_table = %(table)s)
order by target_schema, target_table
