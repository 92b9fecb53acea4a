-- Transactions of this database that were prepared and neither committed nor rolled back. PostgreSQL 13+.
select gid, owner, prepared
from pg_prepared_xacts
where database = current_database()
order by prepared
