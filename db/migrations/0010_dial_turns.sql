-- From when on the next outbound call may be placed: the carrier's calls a second, kept by all worker processes together.
create table dial_turns (
    carrier text primary key,
    free_at timestamptz not null
);
