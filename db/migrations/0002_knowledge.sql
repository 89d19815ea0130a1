-- The help centre: collections of articles, cut into chunks that are searched by meaning and by words.
create extension if not exists vector;

-- The text-search configuration of a language (ISO 639-1); `simple` (no stemming, no stop words) for any other.
create function search_config(language text) returns regconfig
    language sql immutable strict parallel safe
    return case language
        when 'en' then 'pg_catalog.english'::regconfig
        when 'es' then 'pg_catalog.spanish'::regconfig
        else 'pg_catalog.simple'::regconfig
    end;

create function chunk_words(language text, title text, heading text, body text) returns tsvector
    language sql immutable strict parallel safe
    return setweight(to_tsvector(search_config(language), title), 'A')
        || setweight(to_tsvector(search_config(language), heading), 'B')
        || setweight(to_tsvector(search_config(language), body), 'D');

-- A collection belongs to one embedding model: vectors of two models cannot be compared, even at the same dimension.
create table collections (
    id integer generated always as identity primary key,
    name text not null unique,
    embedding_model text not null,
    -- halfvec's HNSW index ends at 4,000 dimensions.
    dimension integer not null check (dimension between 1 and 4000),
    created_at timestamptz not null default now()
);

create table articles (
    collection_id integer not null references collections on delete cascade,
    id text not null,
    title text not null,
    url text not null,
    language text not null,
    -- Of everything that an ingest derives chunks from; equal hashes need no work.
    content_hash text not null,
    ingested_at timestamptz not null default now(),
    primary key (collection_id, id)
);

-- `embedding` has no dimension of its own, because collections differ in theirs. Each collection gets a partial HNSW
-- index over `embedding::halfvec(<dimension>)` when it is ingested; see firstline/knowledge/store.py.
create table chunks (
    collection_id integer not null,
    id text not null check (id ~ '^kb_[0-9a-f]{12}$'),
    article_id text not null,
    ordinal integer not null,
    heading text not null,
    body text not null,
    language text not null,
    embedding halfvec not null,
    words tsvector not null,
    primary key (collection_id, id),
    foreign key (collection_id, article_id) references articles on delete cascade
);

-- What the text search knows of a collection's languages: how many chunks, and in how many of them each word stands.
-- A word in few chunks says more about an article than one in all. Counted again at the end of every ingest.
create table collection_languages (
    collection_id integer not null references collections on delete cascade,
    language text not null,
    chunks integer not null default 0,
    primary key (collection_id, language)
);

create table collection_words (
    collection_id integer not null,
    language text not null,
    word text not null,
    chunks integer not null,
    primary key (collection_id, language, word),
    foreign key (collection_id, language) references collection_languages on delete cascade
);

-- A text-search query for one lexeme, taken as it is.
create function word_query(lexeme text) returns tsquery
    language sql immutable strict parallel safe
    return ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery;

create index chunks_by_article on chunks (collection_id, article_id);
-- Without the pending list, which every search would have to read through after an ingest.
create index chunks_by_words on chunks using gin (words) with (fastupdate = off);
