-- Whether a relation holds no row.
select not exists (select from {})
