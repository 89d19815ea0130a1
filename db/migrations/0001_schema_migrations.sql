-- What has been applied to this database; written by the migration runner alone.
create table schema_migrations (
    version text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);
