-- One run, or the last. PostgreSQL 13+.
select run_id, command, source, fingerprint, mapping_digest, tool_version, host,
       case when rolled_back_by is null then state else 'rolled back' end as state, started_at, finished_at
from _naru.run
where %(run_id)s::text is null or run_id = %(run_id)s
order by started_at desc
limit 1
