-- Whether the transaction has the lock now. PostgreSQL 13+.
select pg_try_advisory_xact_lock(%(key)s)
