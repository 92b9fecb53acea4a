-- Whether the session has the lock now. PostgreSQL 13+.
select pg_try_advisory_lock(%(key)s)
