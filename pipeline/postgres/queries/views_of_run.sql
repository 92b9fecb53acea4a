-- Views that a run made. PostgreSQL 13+.
select target_schema, target_view
from _naru.view
where run_id = %(run_id)s
order by target_schema, target_view
