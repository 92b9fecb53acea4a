-- A database as its server knows it; the names of what says its locale differ between versions. PostgreSQL 13+.
select to_jsonb(d) as facts, pg_get_userbyid(d.datdba) as owner, pg_encoding_to_char(d.encoding) as encoding,
       (select count(*) from pg_stat_activity a where a.datid = d.oid) as sessions
from pg_database d
where d.datname = %s
