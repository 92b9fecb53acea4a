-- Every large object as it is seen from this transaction: its number, its length, and a hash of what it holds. It is
-- read in pieces of 1 MB, of which the server holds one at a time, and by the rights of the role, superuser or not.
-- PostgreSQL 13+.
select m.oid::text, whole.bytes, whole.hash
from pg_largeobject_metadata m
cross join lateral (
    with recursive piece (start, bytes, hash) as (
        select 0::bigint, length(data), sha256(data) from lo_get(m.oid, 0, 1048576) data
        union all
        select start + 1048576, length(data), sha256(data)
        from piece, lo_get(m.oid, start + 1048576, 1048576) data
        where bytes = 1048576 -- the last one is shorter
    )
    select sum(bytes) as bytes, encode(sha256(string_agg(hash, ''::bytea order by start)), 'hex') as hash from piece
) whole
order by m.oid
