-- The run whose loads another run went on with. PostgreSQL 13+.
select l.run_id
from _naru.batch b
join _naru.load l using (target_schema, target_table)
where b.run_id = %(run_id)s and l.run_id <> %(run_id)s and l.rolled_back_by is null
limit 1
