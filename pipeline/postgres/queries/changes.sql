-- What a run changed in the target, or what was changed of a table (of NULL: the schema itself), in order. PostgreSQL 13+.
select c.change_id, c.run_id, c.kind, c.target_schema, c.target_table, c.key_columns, c.rows_added, c.rows_kept,
       c.content_before, c.content_after, c.imaged, r.rolled_back_by is not null as rolled_back
from _naru.change c
join _naru.run r using (run_id)
where case when %(run_id)s::text is not null then c.run_id = %(run_id)s
      else c.target_schema = %(schema)s and c.target_table is not distinct from %(table)s::text end
order by c.change_id
