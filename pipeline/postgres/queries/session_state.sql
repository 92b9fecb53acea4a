-- Whether this session can write, and which limits its role, database or server would set it. PostgreSQL 13+.
select pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only')::boolean as read_only,
       (select source from pg_settings where name = 'default_transaction_read_only') as read_only_by,
       array(select name || ' ' || reset_val || coalesce(unit, '') from pg_settings
             where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                            'idle_session_timeout', 'transaction_timeout') and reset_val <> '0' order by name) as limits
