-- How the database is set, one row. SQL Server 2012.
select compatibility_level, is_read_only, snapshot_isolation_state, is_read_committed_snapshot_on
from sys.databases
where name = db_name()
