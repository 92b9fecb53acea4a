-- Columns of a table, in order: whether they number themselves, their default, what computes them. PostgreSQL 13+.
select a.attname,
       format_type(a.atttypid, a.atttypmod),
       not a.attnotnull,
       a.attidentity <> '' or pg_get_serial_sequence(%(relation)s, a.attname) is not null,
       case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
       case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
       col_description(a.attrelid, a.attnum)
from pg_attribute a
left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
where a.attrelid = to_regclass(%(relation)s) and a.attnum > 0 and not a.attisdropped
order by a.attnum
