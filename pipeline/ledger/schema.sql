-- The durable record of what Naru did, kept in the target beside the data it speaks of.
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
    rows_before bigint not null default 0,  -- rows of others in the target when ours were merged
    rows_updated bigint not null default 0,  -- of rows_before, those that an upsert overwrote
    seconds double precision not null default 0,
    planned_rows bigint,  -- what the source said before the load that it holds; null: it said nothing
    planned_seconds double precision,  -- null: nothing to judge by
    planned_by text,  -- the run whose pace they rest on: an earlier one, or run_id for the load's own second batch
    primary key (target_schema, target_table)
);
-- A ledger of before keeps no plan. Looked for first: to alter takes a lock.
do $$
begin
    if not exists (select from pg_attribute
                   where attrelid = '_naru.load'::regclass and attname = 'planned_rows') then
        alter table _naru.load add planned_rows bigint, add planned_seconds double precision, add planned_by text;
    end if;
end
$$;

-- What a run made or changed in the target, in its order: what `rollback` takes back. The images of a change, _naru.before_N
-- and _naru.added_N, are kept until the next change of its table, so that there is one of each table at most.
create table if not exists _naru.change (
    change_id bigint generated always as identity primary key,
    run_id text not null references _naru.run,
    kind text not null check (kind in ('schema', 'table', 'view', 'append', 'upsert', 'replace')),
    target_schema text not null,
    target_table text,  -- null: the schema itself; of kind view: one of ours that was made anew
    key_columns text[],  -- by which an upsert found its rows
    rows_added bigint,
    rows_kept bigint,  -- rows that were deleted or overwritten, and are in before_N
    content_before text,  -- count and hash of the table's rows
    content_after text,  -- null: the load has not been settled
    imaged boolean not null default false,
    changed_at timestamptz not null default clock_timestamp()
);
create index if not exists change_table on _naru.change (target_schema, target_table, change_id);
-- A ledger of before takes nothing back. Looked for first: to alter takes a lock.
do $$
begin
    if not exists (select from pg_attribute
                   where attrelid = '_naru.load'::regclass and attname = 'rolled_back_by') then
        alter table _naru.load add rolled_back_by text;
        alter table _naru.run add rolled_back_by text;
    end if;
end
$$;

-- The views that Naru made, and how they stood then: one that another has changed is not ours to drop.
create table if not exists _naru.view (
    target_schema text not null,
    target_view text not null,
    source_query text not null,
    run_id text not null references _naru.run,
    sql text not null,
    definition text not null,
    primary key (target_schema, target_view)
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

-- What the verifiers said at the end of a run; a run that has no row here was not verified.
create table if not exists _naru.verification (
    run_id text primary key references _naru.run,
    verdict text not null check (verdict in ('complete', 'differences', 'incomplete')),
    target_schema text not null,
    target_tables text[] not null,
    verified_at timestamptz not null default clock_timestamp(),
    level text check (level in ('counts', 'keys', 'content')),  -- null: a release that knew no further than keys
    proof text  -- sha256 of the proof file
);
-- A ledger of before keeps neither. Looked for first: to alter takes a lock.
do $$
begin
    if not exists (select from pg_attribute
                   where attrelid = '_naru.verification'::regclass and attname = 'proof') then
        alter table _naru.verification
            add level text check (level in ('counts', 'keys', 'content')), add proof text;
    end if;
end
$$;

create table if not exists _naru.finding (
    run_id text not null references _naru.verification,
    finding integer not null,  -- its place among those of the run
    verifier text not null,
    table_name text not null,  -- of a table or view of the target, or of what the source could not give
    subject text not null,
    count bigint not null,
    detail text not null,
    allowed boolean not null,
    primary key (run_id, finding)
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

-- What arrived otherwise than the source holds it, cell by cell.
create table if not exists _naru.loss (
    loss_id bigint generated always as identity primary key,
    run_id text not null,  -- no reference: to check it for each of a million values takes longer than to write them
    target_schema text not null,
    target_table text not null,
    source_table text not null,
    locator bigint,
    key json not null,
    column_name text not null,  -- the source's
    target_column text not null,
    rule text not null,  -- a step's name, or several in their order: trim+empty_to_null
    before text,
    after text
);
create index if not exists loss_table on _naru.loss (target_schema, target_table, loss_id);
-- A ledger of before knows no name of the target's column, and has NULL as a word. Looked for first: to alter takes a lock.
do $$
begin
    if not exists (select from pg_attribute
                   where attrelid = '_naru.loss'::regclass and attname = 'target_column') then
        alter table _naru.loss add target_column text, alter before drop not null, alter after drop not null;
        update _naru.loss set target_column = column_name;
        alter table _naru.loss alter target_column set not null, drop constraint if exists loss_run_id_fkey;
        alter table _naru.load drop column if exists losses;
    end if;
end
$$;
