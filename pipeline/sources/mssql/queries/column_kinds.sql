-- Columns that are more than a column, and whether the login sees what a mask hides: in the whole database, or from
-- SQL Server 2022 on in this column. SQL Server 2016, Babelfish.
select c.object_id, c.column_id, c.is_filestream, c.is_column_set, c.encryption_type, c.is_masked,
       c.generated_always_type_desc,
       case when has_perms_by_name(quotename(db_name()), 'DATABASE', 'UNMASK') = 1
              or has_perms_by_name(quotename(s.name) + '.' + quotename(t.name), 'OBJECT', 'UNMASK',
                                   c.name, 'COLUMN') = 1
            then 1 else 0 end as sees_unmasked
from sys.columns c
join sys.tables t on t.object_id = c.object_id
join sys.schemas s on s.schema_id = t.schema_id
where t.is_ms_shipped = 0
  and (c.is_filestream = 1 or c.is_column_set = 1 or c.encryption_type is not null or c.is_masked = 1
       or c.generated_always_type <> 0)
