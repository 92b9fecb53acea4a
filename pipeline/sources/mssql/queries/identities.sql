-- Where identity columns stand, by table, as text of up to 38 digits; NULL to a login that may not see it.
-- Without sys.identity_columns, of which Babelfish gives rows of other tables. SQL Server 2012, Babelfish.
select t.object_id,
       cast(ident_seed(quotename(s.name) + '.' + quotename(t.name)) as nvarchar(50)) as seed,
       cast(ident_incr(quotename(s.name) + '.' + quotename(t.name)) as nvarchar(50)) as step,
       cast(ident_current(quotename(s.name) + '.' + quotename(t.name)) as nvarchar(50)) as last
from sys.tables t
join sys.schemas s on s.schema_id = t.schema_id
where t.is_ms_shipped = 0
  and exists (select 1 from sys.columns c where c.object_id = t.object_id and c.is_identity = 1)
