-- Rows of a run over time: its span in equal parts, each batch spread over the time that it took. PostgreSQL 13+.
with batch as (
    select committed_at - make_interval(secs => greatest(seconds, 0.001)) as began, committed_at as ended, rows_read
    from _naru.batch
    where run_id = %(run_id)s and rows_read > 0
), span as (
    select min(began) as began, extract(epoch from max(ended) - min(began))::float8 / %(parts)s as part_s
    from batch
), timed as (
    select extract(epoch from b.began - s.began)::float8 as begins_s,
           extract(epoch from b.ended - s.began)::float8 as ends_s, b.rows_read, s.part_s
    from batch b, span s
)
select n * s.part_s as begins_s, (n + 1) * s.part_s as ends_s,
       coalesce(sum(t.rows_read * (least(t.ends_s, (n + 1) * s.part_s) - greatest(t.begins_s, n * s.part_s))
                    / (t.ends_s - t.begins_s)), 0)::float8 as rows
from span s
cross join generate_series(0, %(parts)s - 1) n
left join timed t on t.begins_s < (n + 1) * s.part_s and t.ends_s > n * s.part_s
where s.part_s > 0
group by n, s.part_s
order by n
