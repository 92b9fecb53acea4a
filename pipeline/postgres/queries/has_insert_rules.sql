-- Whether rules rewrite what is inserted into a table: PostgreSQL then tells no other statement the rows. PostgreSQL 13+.
select exists (
    select from pg_rewrite
    where ev_class = to_regclass(%(relation)s) and ev_type = '3' and ev_enabled <> 'D')
