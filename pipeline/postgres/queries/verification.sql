-- What the verifiers said of a run; as JSON, a ledger of before lacks what it has no column for. PostgreSQL 13+.
select verdict, target_schema, target_tables, verified_at,
       coalesce(to_jsonb(v) ->> 'level', 'keys'), to_jsonb(v) ->> 'proof'
from _naru.verification v
where run_id = %s
