-- The first losses of each table, column and rule of rows that are in the target, with how many there are. The column
-- is the source's, which a ledger of before knows as well. PostgreSQL 13+.
with numbered as (
    select loss_id, count(*) over alike as count, row_number() over (alike order by loss_id) as place
    from _naru.loss l
    where not exists (
        select from _naru.load b
        where (b.target_schema, b.target_table) = (l.target_schema, l.target_table) and b.rolled_back_by is not null)
      and not exists (
        select from _naru.reject r
        where (r.target_schema, r.target_table, r.locator) = (l.target_schema, l.target_table, l.locator)
          and r.replayed_at is null)
    window alike as (partition by target_schema, target_table, column_name, rule)
)
select target_schema, target_table, column_name, rule, n.count, locator, left(key::text, %(characters)s) as key,
       left(before, %(characters)s) as before, left(after, %(characters)s) as after
from numbered n
join _naru.loss using (loss_id)
where n.place <= %(each)s
order by target_schema, target_table, column_name, rule, loss_id
