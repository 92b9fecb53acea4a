-- Whether nothing is in a schema: no relation, function, type, operator or anything else. PostgreSQL 13+.
select not exists (
    select from pg_depend
    where refclassid = 'pg_namespace'::regclass and refobjid = to_regnamespace(quote_ident(%s)) and deptype = 'n')
