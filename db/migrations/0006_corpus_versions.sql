-- Corpus versions: an ingest builds a new version of a collection beside the one that is searched, and switching over is
-- one update. Versions that were searched before stay for a while, so that switching back is one update, too.
alter table collections drop constraint collections_name_key;
alter table collections add column version integer not null default 1;
alter table collections add column state text not null default 'active'
    check (state in ('building', 'active', 'retired'));
alter table collections add column activated_at timestamptz;
update collections set activated_at = created_at;

create unique index collections_by_version on collections (name, version);
-- What the switch relies on: never two versions searched, never two being built.
create unique index collections_active on collections (name) where state = 'active';
create unique index collections_building on collections (name) where state = 'building';
