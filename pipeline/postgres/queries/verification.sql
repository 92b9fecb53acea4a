-- What the verifiers said of a run; a release that kept no level knew no further than keys. PostgreSQL 13+.
select verdict, target_schema, target_tables, verified_at, coalesce(level, 'keys'), proof
from _naru.verification
where run_id = %s
