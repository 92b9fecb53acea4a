-- Whether the target refused rows of a load, as they came or when its constraints were built. PostgreSQL 13+.
select exists (
    select from _naru.reject
    where (target_schema, target_table) = (%(schema)s, %(table)s) and stage in ('copy', 'constraint')
)
