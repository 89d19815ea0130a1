-- The monthly satisfaction sample, and the scores that came back. Rows stay when their call is gone: a CallSid alone
-- leads nowhere.
create table csat_samples (
    month text not null,
    call_sid text not null,
    drawn_at timestamptz not null default now(),
    score smallint check (score between 1 and 5),
    scored_at timestamptz,
    primary key (month, call_sid)
);

-- Calls that are items of the frozen evaluation set: nobody may be asked about them, or the set would leak.
create table eval_calls (
    call_sid text primary key,
    frozen_at timestamptz not null default now()
);
