"""The read model in Postgres: finished calls and their turns, written again as often as an activity is retried."""

from dataclasses import asdict

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from firstline.domain.turn import Turn
from firstline.ports import CallRecord, PortError, Rejected

_CALL = """
insert into calls (call_sid, direction, from_number, to_number, started_at, ended_at, outcome, language, handoff_reason,
                   rep, page_to_pickup_ms, callback_at, callback_of, topic, timeline, trace_url)
values (%(call_sid)s, %(direction)s, %(from_number)s, %(to_number)s, %(started_at)s, %(ended_at)s, %(outcome)s,
        %(language)s, %(handoff_reason)s, %(rep)s, %(page_to_pickup_ms)s, %(callback_at)s, %(callback_of)s, %(topic)s,
        %(timeline)s, %(trace_url)s)
on conflict (call_sid) do update set
    direction = excluded.direction, from_number = excluded.from_number, to_number = excluded.to_number,
    started_at = excluded.started_at, ended_at = excluded.ended_at, outcome = excluded.outcome,
    language = excluded.language, handoff_reason = excluded.handoff_reason, rep = excluded.rep,
    page_to_pickup_ms = excluded.page_to_pickup_ms, callback_at = excluded.callback_at,
    callback_of = excluded.callback_of, topic = excluded.topic, timeline = excluded.timeline,
    trace_url = excluded.trace_url, saved_at = now()
"""

_TURN = """
insert into turns (call_sid, number, caller_text, agent_text, language, confidence, model_confidence, chunk_ids,
                   article_ids, tools, interrupted, first_audio_ms, turn_gap_ms, stages, usage)
values (%(call_sid)s, %(number)s, %(caller_text)s, %(agent_text)s, %(language)s, %(confidence)s, %(model_confidence)s,
        %(chunk_ids)s, %(article_ids)s, %(tools)s, %(interrupted)s, %(first_audio_ms)s, %(turn_gap_ms)s, %(stages)s,
        %(usage)s)
"""

_FLAG = "insert into flags (call_sid, turn, kind, detail) values (%s, %s, %s, %s)"


class PostgresReadModel:
    """`ports.ReadModel`. Idempotent by CallSid: the last write of a call is what is stored, all of it."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[TupleRow]]) -> None:
        self._pool = pool

    async def save_call(self, record: CallRecord, trace_url: str) -> None:
        """Store a finished call and its turns in one transaction.

        Raises `Rejected` when the record itself cannot be stored, `PortError` when the database does not answer.
        """
        sid = record.start.call_sid
        try:
            async with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
                await cursor.execute(_CALL, _call(record, trace_url))
                # The whole call is one fact: a turn that an earlier write had and this one has not was wrong.
                await cursor.execute("delete from turns where call_sid = %s", (sid,))
                await cursor.executemany(_TURN, [_turn(sid, turn) for turn in record.turns])
                await cursor.execute("delete from flags where call_sid = %s", (sid,))
                await cursor.executemany(
                    _FLAG, [(sid, flag.turn, flag.kind.value, flag.detail) for flag in record.flags]
                )
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise Rejected(f"call {sid} cannot be stored: {type(error).__name__}") from error
        except (psycopg.Error, PoolTimeout) as error:
            raise PortError(f"the read model did not take call {sid}: {type(error).__name__}") from error


def _call(record: CallRecord, trace_url: str) -> dict[str, object]:
    start = record.start
    return {
        "call_sid": start.call_sid,
        "direction": start.direction.value,
        "from_number": start.from_number,
        "to_number": start.to_number,
        "started_at": start.started_at,
        "ended_at": record.ended_at,
        "outcome": record.outcome.value,
        "language": record.language,
        "handoff_reason": record.handoff_reason,
        "rep": record.rep,
        "page_to_pickup_ms": record.page_to_pickup_ms,
        "callback_at": record.callback_at or None,
        "callback_of": start.callback_of,
        "topic": _storable(start.topic),
        "timeline": Jsonb([_storable(line) for line in record.timeline]),
        "trace_url": trace_url,
    }


def _turn(call_sid: str, turn: Turn) -> dict[str, object]:
    tools = [
        {name: _storable(str(value)) if name != "ms" else value for name, value in asdict(t).items()}
        for t in turn.tools
    ]
    return {
        "call_sid": call_sid,
        "number": turn.number,
        "caller_text": _storable(turn.caller_text),
        "agent_text": _storable(turn.agent_text),
        "language": turn.language,
        "confidence": turn.confidence,
        "model_confidence": turn.model_confidence,
        "chunk_ids": turn.chunk_ids,
        "article_ids": turn.article_ids,
        "tools": Jsonb(tools),
        "interrupted": turn.interrupted,
        "first_audio_ms": turn.timing.first_audio_ms,
        "turn_gap_ms": turn.timing.turn_gap_ms,
        "stages": Jsonb(turn.timing.stages),
        "usage": Jsonb(asdict(turn.usage)),
    }


def _storable(text: str) -> str:
    """Without NUL, which a transcriber or a model may produce and Postgres cannot hold."""
    return text.replace("\x00", "")
