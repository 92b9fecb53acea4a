-- The oldest waiting rejects of each table, stage and reason, with how many there are. PostgreSQL 13+.
with numbered as (
    select reject_id, count(*) over alike as count, row_number() over (alike order by reject_id) as place
    from ({waiting_rejects}) r
    window alike as (partition by target_schema, target_table, stage, reason)
)
select target_schema, target_table, stage, reason, n.count, reject_id, locator, left(detail, %(characters)s) as detail,
       left(row_values::text, %(characters)s) as row_values
from numbered n
join _naru.reject using (reject_id)
where n.place <= %(each)s
order by target_schema, target_table, stage, reason, reject_id
