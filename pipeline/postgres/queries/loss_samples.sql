-- The first losses of each table, column of the source and rule of rows that are in the target, with how many there are.
-- PostgreSQL 13+.
with numbered as (
    select loss_id, count(*) over alike as count, row_number() over (alike order by loss_id) as place
    from ({arrived_losses}) l
    window alike as (partition by target_schema, target_table, column_name, rule)
)
select target_schema, target_table, column_name, rule, n.count, locator, left(key::text, %(characters)s) as key,
       left(before, %(characters)s) as before, left(after, %(characters)s) as after
from numbered n
join _naru.loss using (loss_id)
where n.place <= %(each)s
order by target_schema, target_table, column_name, rule, loss_id
