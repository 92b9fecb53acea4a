-- The last runs, newest first. PostgreSQL 13+.
select run_id, command, source,
       case when rolled_back_by is null then state else 'rolled back' end as state, started_at, finished_at
from _naru.run
order by started_at desc
limit %(limit)s
