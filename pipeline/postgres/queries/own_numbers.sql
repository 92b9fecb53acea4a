-- Columns of a table whose numbers are always its own: no update gives them another. PostgreSQL 13+.
select a.attname
from pg_attribute a
where a.attrelid = to_regclass(%(relation)s) and a.attidentity = 'a' and not a.attisdropped
