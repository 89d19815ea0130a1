-- Each collection gets a word index of its own, as it has of its vectors; see firstline/knowledge/store.py. In one index
-- over all, a search met each word in every version that is kept, and an ingest kept it up to date row by row.
do $$
declare
    known record;
begin
    for known in select id from collections where state <> 'building' loop
        execute format(
            'create index chunks_by_words_%s on chunks using gin (words) with (fastupdate = off) where collection_id = %s',
            known.id, known.id
        );
    end loop;
end $$;

drop index chunks_by_words;
