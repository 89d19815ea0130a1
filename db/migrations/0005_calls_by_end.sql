-- The latency promise is looked at every few minutes, over the calls that ended lately.
create index calls_by_end on calls (ended_at);
