-- What must be kept whatever its age, and whatever a caller asks: one call, or every call of a number.
create table legal_holds (
    subject text primary key,
    why text not null,
    since timestamptz not null default now()
);
