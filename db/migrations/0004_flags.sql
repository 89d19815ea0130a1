-- Why a finished call is worth a person's look; written again with its call.
create table flags (
    call_sid text not null references calls on delete cascade,
    turn integer not null,
    kind text not null,
    detail text not null default '',
    primary key (call_sid, turn, kind)
);

create index flags_by_kind on flags (kind);
