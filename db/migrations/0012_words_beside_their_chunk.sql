-- A search by words reads the words of up to 2,000 chunks, and the text and vector of some sixty. So the words stay in the
-- row, and text and vector are what is moved out of it: otherwise Postgres moves the largest column, which is the words,
-- and reads each of them by an index. Rows written before stay as they are until the next ingest copies them.
alter table chunks alter column words set storage main;
alter table chunks set (toast_tuple_target = 128);
