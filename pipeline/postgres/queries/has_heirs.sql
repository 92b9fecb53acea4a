-- Whether other tables inherit from a table; its partitions do not count. PostgreSQL 13+.
select exists (
    select from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass(%(relation)s) and not c.relispartition)
