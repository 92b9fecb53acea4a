-- Tables of other runs, settled before, from which a run moved rows to the quarantine when it added their relationships.
-- PostgreSQL 13+.
select r.target_schema, r.target_table, l.run_id
from _naru.reject r
join _naru.load l using (target_schema, target_table)
where r.run_id = %(run_id)s and l.run_id <> %(run_id)s and l.rolled_back_by is null
  and r.stage = 'constraint' and r.locator is null and r.replayed_at is null
group by r.target_schema, r.target_table, l.run_id
order by r.target_schema, r.target_table
