-- The queryable projection of calls. Temporal's history is the truth; every row here can be written again.
create table calls (
    call_sid text primary key,
    direction text not null,
    from_number text not null,
    to_number text not null,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    outcome text not null,
    language text not null,
    handoff_reason text not null default '',
    rep text not null default '',
    page_to_pickup_ms integer,
    callback_at timestamptz,
    callback_of text not null default '',
    topic text not null default '',
    timeline jsonb not null default '[]',
    trace_url text not null default '',
    saved_at timestamptz not null default now()
);

create index calls_by_start on calls (started_at);
create index calls_by_caller on calls (from_number, started_at);

create table turns (
    call_sid text not null references calls on delete cascade,
    number integer not null,
    caller_text text not null,
    agent_text text not null,
    language text not null,
    confidence double precision,
    model_confidence double precision,
    chunk_ids text[] not null default '{}',
    article_ids text[] not null default '{}',
    tools jsonb not null default '[]',
    interrupted boolean not null default false,
    first_audio_ms double precision,
    turn_gap_ms double precision,
    stages jsonb not null default '{}',
    usage jsonb not null default '{}',
    primary key (call_sid, number)
);
