-- Expressions of computed columns; NULL to a login that may not see it. SQL Server 2012, Babelfish.
select object_id, column_id, definition, is_persisted
from sys.computed_columns
