-- When a version's vectors were last all in the mirror: the next one is mirrored by what differs from it.
alter table collections add column mirrored_at timestamptz;
