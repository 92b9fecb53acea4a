-- Whether this server is the one of that number, and the role one that may do anything there. PostgreSQL 13+.
select current_setting('is_superuser')::boolean and system_identifier::text = %s from pg_control_system()
