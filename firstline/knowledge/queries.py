"""The one question that a search puts to Postgres."""

from psycopg import sql

from firstline.knowledge.store import Collection

DEPTH = 40
"""How many chunks each search contributes."""

REACH = 2_000
"""Chunks that the rarest words of a question may bring up together; what a search by words costs at most."""
CANDIDATES = 120
"""Of these, how many are scored by all the words."""

SHARE = 20
"""A language that is less than one in so many chunks narrows nothing: a page or two in the caller's language must not
cut them off from everything else."""

DEEP_ENOUGH = (
    "select set_config('hnsw.ef_search', '100', true), set_config('hnsw.iterative_scan', 'strict_order', true),"
    " set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)"
)
"""The index looks further than the 40 it returns, and goes on where a language filter leaves it short. What the planner
expects of a large corpus would have it compile the question and start processes, each longer than the search."""

# `asked`: the question's words in each language searched; each word's share of the question grows with its rarity
# (BM25's inverse document frequency). `brought_up`: chunks with the rarest words, until those reach far enough; common
# words alone bring up nothing but a crowd. `scored`: the share of the question that a chunk holds, by all its words.
# `ts_rank` counts where a word stands (title over heading over body) and how often; x / (x + 0.2) lets that saturate.
_SEARCH = """
with spoken as materialized (
    select language, chunks from collection_languages
    where collection_id = {collection} and (
        language = %(language)s
        or not exists (
            select from collection_languages where collection_id = {collection} and language = %(language)s
                and chunks * {share} >= (
                    select sum(chunks) from collection_languages where collection_id = {collection}
                )
        )
    )
),
said as materialized (
    select spoken.language, word_query(lexeme) as word, coalesce(counted.chunks, 0) as reach,
           ln(1 + (spoken.chunks - coalesce(counted.chunks, 0) + 0.5) / (coalesce(counted.chunks, 0) + 0.5))::float8
               as weight
    from spoken
    cross join lateral (
        select lexeme, false as guessed from unnest(to_tsvector(search_config(spoken.language), %(text)s))
        union
        select lexeme, true from unnest(to_tsvector(search_config(spoken.language), %(compounds)s))
        where to_tsvector(search_config(spoken.language), %(text)s) <> ''  -- no guess makes a question of stop words
    ) heard
    left join collection_words counted on counted.collection_id = {collection}
        and counted.language = spoken.language and counted.word = lexeme
    where not guessed or counted.word is not null
),
asked as materialized (
    select language, word, weight / sum(weight) over (partition by language) as share,
           sum(reach) over (partition by language order by reach, word) as reach_so_far,
           row_number() over (partition by language order by reach, word) = 1 as rarest
    from said
),
dense as materialized (
    select id, row_number() over (order by distance, id) as dense_rank
    from (
        select id, embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension}) as distance
        from chunks
        where collection_id = {collection} and language = any(array(select language from spoken))
        order by embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})
        limit {depth}
    ) nearest
),
brought_up as materialized (
    select hit.id
    from asked
    cross join lateral (
        select chunks.id, ts_rank(array[0.3, 0.4, 0.6, 1.0], chunks.words, asked.word) as rank
        from chunks
        where chunks.collection_id = {collection} and chunks.language = asked.language and chunks.words @@ asked.word
        offset 0 -- keeps the planner at one look into the word index for each word
    ) hit
    where asked.reach_so_far <= {reach} or asked.rarest
    group by hit.id
    order by sum(share * rank / (rank + 0.2)) desc, hit.id
    limit {candidates}
),
scored as materialized (
    select chunks.id, sum(share * rank / (rank + 0.2)) as text_score
    from (select id from dense union select id from brought_up) looked_at
    join chunks on chunks.collection_id = {collection} and chunks.id = looked_at.id
    join asked on asked.language = chunks.language
    cross join lateral ts_rank(array[0.3, 0.4, 0.6, 1.0], chunks.words, asked.word) as rank
    group by chunks.id
),
lexical as materialized (
    select id, row_number() over (order by text_score desc, id) as text_rank
    from scored
    where text_score > 0
    order by text_rank
    limit {depth}
)
select chunks.id as chunk_id, articles.id as article_id, articles.title, chunks.heading, articles.url,
       chunks.body as text, chunks.language, dense_rank, text_rank,
       1 - (chunks.embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})) as similarity,
       coalesce(text_score, 0) as text_score,
       1 - (articles.title_embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})) as title_similarity
from (dense full join lexical using (id)) found
left join scored using (id)
join chunks on chunks.collection_id = {collection} and chunks.id = found.id
join articles on articles.collection_id = {collection} and articles.id = chunks.article_id
"""


def search_statement(collection: Collection) -> sql.Composed:
    """Parameters: `text`, `compounds` (guessed words, looked for where an article has them), `vector` (as text) and
    `language` (null for all). Columns: those of `Passage`, unordered.

    What belongs to the collection is literal: the planner must see it to choose the collection's own index.
    """
    return sql.SQL(_SEARCH).format(
        collection=sql.Literal(collection.id),
        dimension=sql.Literal(collection.dimension),
        depth=sql.Literal(DEPTH),
        reach=sql.Literal(REACH),
        candidates=sql.Literal(CANDIDATES),
        share=sql.Literal(SHARE),
    )
