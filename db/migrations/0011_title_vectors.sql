-- What a title says by itself, as a vector: questions resemble titles more than they resemble the text beneath them.
-- Null in what was ingested before; the next ingest embeds those articles again.
alter table articles add column title_embedding halfvec;
