-- Keep a run that is over, or leave it as it is where the ledger has it. PostgreSQL 13+.
insert into _naru.run
    (run_id, command, source, fingerprint, mapping_digest, tool_version, host, pid, started_at, finished_at, state)
values (%(run_id)s, %(command)s, %(source)s, %(fingerprint)s, %(mapping_digest)s, %(tool_version)s, %(host)s, %(pid)s,
        clock_timestamp() - make_interval(secs => %(seconds)s), clock_timestamp(), 'done')
on conflict do nothing
