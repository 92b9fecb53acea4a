-- Sets the sequence of a column so that the next number follows every number in use. PostgreSQL 13+.
with used as (
    select s.seqrelid::regclass as sequence,
           least(greatest((select max({column}) from {table}), {last}::bigint, pg_sequence_last_value(s.seqrelid)),
                 s.seqmax) as last
    from pg_sequence s
    where s.seqrelid = pg_get_serial_sequence({relation}, {name})::regclass
)
select case when last >= 1 then setval(sequence, last) else setval(sequence, 1, false) end from used
