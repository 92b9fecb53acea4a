-- The next number of a column's sequence (NULL: it has none left) and the highest in use; no row without a
-- sequence. PostgreSQL 13+.
select case when pg_sequence_last_value(s.seqrelid) is null then s.seqstart
            when pg_sequence_last_value(s.seqrelid) <= s.seqmax - s.seqincrement
            then pg_sequence_last_value(s.seqrelid) + s.seqincrement
       end,
       coalesce((select max({column}) from {table}), 0)
from pg_sequence s
where s.seqrelid = pg_get_serial_sequence({relation}, {name})::regclass
