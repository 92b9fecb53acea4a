-- Sets the sequence of a column so that the next number follows every number in use, and is not below its own
-- next one; without room for that it has none left. PostgreSQL 13+.
with used as (
    select s.seqrelid::regclass as sequence, s.seqmin, s.seqincrement as step, s.seqmax,
           greatest((select max({column}) from {table}), {last}::bigint) as last,
           -- Only nextval tells the next number; the number it takes is given back below.
           case when coalesce(pg_sequence_last_value(s.seqrelid) <= s.seqmax - s.seqincrement, true)
                then nextval(s.seqrelid) end as next
    from pg_sequence s
    where s.seqrelid = pg_get_serial_sequence({relation}, {name})::regclass
)
select case when next is null or last >= seqmax then setval(sequence, seqmax)
            when last >= next then setval(sequence, last)
            when next - step >= seqmin then setval(sequence, next - step)
            else setval(sequence, next, false)
       end
from used
