-- The oldest waiting rejects of each table, stage and reason, with how many there are. PostgreSQL 13+.
with numbered as (
    select reject_id, count(*) over alike as count, row_number() over (alike order by reject_id) as place
    from _naru.reject r
    where replayed_at is null
      and not exists (
        select from _naru.load b
        where (b.target_schema, b.target_table) = (r.target_schema, r.target_table) and b.rolled_back_by is not null)
    window alike as (partition by target_schema, target_table, stage, reason)
)
select target_schema, target_table, stage, reason, n.count, reject_id, locator, left(detail, %(characters)s) as detail,
       left(row_values::text, %(characters)s) as row_values
from numbered n
join _naru.reject using (reject_id)
where n.place <= %(each)s
order by target_schema, target_table, stage, reason, reject_id
