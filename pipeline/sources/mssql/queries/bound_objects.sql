-- Defaults and rules that stand by themselves and are bound to a column (sp_bindefault, sp_bindrule), with their text:
-- NULL to a login that may not see it. SQL Server 2012, Babelfish.
select c.object_id, c.column_id, 'default' as kind, m.definition
from sys.columns c
join sys.tables t on t.object_id = c.object_id
left join sys.default_constraints d on d.object_id = c.default_object_id
left join sys.sql_modules m on m.object_id = c.default_object_id
where t.is_ms_shipped = 0 and c.is_computed = 0 and c.default_object_id <> 0 and d.object_id is null
union all
select c.object_id, c.column_id, 'rule' as kind, m.definition
from sys.columns c
join sys.tables t on t.object_id = c.object_id
left join sys.sql_modules m on m.object_id = c.rule_object_id
where t.is_ms_shipped = 0 and c.rule_object_id <> 0
