-- The durable record of what Naru did, kept in the target beside the data it speaks of.
create schema if not exists _naru;

create table if not exists _naru.run (
    run_id text primary key,
    command text not null,
    source text not null,
    fingerprint text not null,
    mapping_digest text not null,
    tool_version text not null,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    state text not null default 'running' check (state in ('running', 'done', 'failed', 'interrupted'))
);

-- Where the load of one target table stands: what a rerun reads to know what is left to do.
create table if not exists _naru.load (
    target_schema text not null,
    target_table text not null,
    source_table text not null,
    run_id text not null references _naru.run,
    fingerprint text not null,
    mapping_digest text not null,
    staging text,  -- name of the staging table; null: rows go straight into a table that Naru made
    state text not null default 'loading' check (state in ('loading', 'loaded', 'done')),
    position json,
    batches integer not null default 0,
    rows_read bigint not null default 0,
    rows_filtered bigint not null default 0,
    rows_rejected bigint not null default 0,
    losses bigint not null default 0,
    rows_before bigint not null default 0,  -- rows of others in the target when ours were merged
    rows_updated bigint not null default 0,  -- of rows_before, those that an upsert overwrote
    seconds double precision not null default 0,
    primary key (target_schema, target_table)
);

create table if not exists _naru.batch (
    run_id text not null references _naru.run,
    target_schema text not null,
    target_table text not null,
    batch integer not null,
    rows_read bigint not null,
    rows_loaded bigint not null,
    seconds double precision not null,
    committed_at timestamptz not null default clock_timestamp()
);

-- The quarantine. Values are json, not jsonb: jsonb refuses U+0000 and lone surrogates.
create table if not exists _naru.reject (
    reject_id bigint generated always as identity primary key,
    run_id text not null references _naru.run,
    target_schema text not null,
    target_table text not null,
    source_table text not null,
    locator bigint,
    stage text not null check (stage in ('source', 'transform', 'copy', 'constraint')),
    reason text not null,
    detail text not null,
    key json not null,
    row_values json not null,
    rejected_at timestamptz not null default clock_timestamp(),
    replayed_at timestamptz
);
create index if not exists reject_table on _naru.reject (target_schema, target_table, reject_id);

create table if not exists _naru.loss (
    loss_id bigint generated always as identity primary key,
    run_id text not null references _naru.run,
    target_schema text not null,
    target_table text not null,
    source_table text not null,
    locator bigint,
    key json not null,
    column_name text not null,
    rule text not null,
    before text not null,
    after text not null
);
create index if not exists loss_table on _naru.loss (target_schema, target_table, loss_id);
