-- The next number of a column's sequence (NULL: it has none left), the highest in use, and whether the role may know:
-- without the right to, the next number is that of a new sequence (or, before PostgreSQL 17, an error). No row without
-- a sequence. PostgreSQL 13+.
select case when not s.known then null
            when pg_sequence_last_value(s.seqrelid) is null then s.seqstart
            when pg_sequence_last_value(s.seqrelid) <= s.seqmax - s.seqincrement
            then pg_sequence_last_value(s.seqrelid) + s.seqincrement
       end,
       coalesce((select max({column}) from {table}), 0), s.known, s.seqrelid::regclass::text
from (select *, has_sequence_privilege(seqrelid, 'usage, select') as known from pg_sequence) s
where s.seqrelid = pg_get_serial_sequence({relation}, {name})::regclass
