-- Defaults of columns; NULL to a login that may not see it. SQL Server 2012, Babelfish.
select parent_object_id as object_id, parent_column_id as column_id, definition
from sys.default_constraints
