-- The last runs, newest first. PostgreSQL 13+.
select run_id, command, source, state, started_at, finished_at
from _naru.run
order by started_at desc
limit %(limit)s
