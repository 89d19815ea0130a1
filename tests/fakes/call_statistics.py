"""Counts over the finished calls of a fake read model."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from firstline.domain.review import FlaggedTurn, FlagTally
from firstline.domain.slo import TurnCount
from firstline.ports import CallRecord
from tests.fakes.read_model import FakeReadModel


class FakeCallStatistics:
    """`ports_after_call.CallStatistics` over the calls that were saved."""

    def __init__(self, read_model: FakeReadModel) -> None:
        self._read_model = read_model

    async def flag_tallies(self, since: datetime, until: datetime, examples: int) -> Sequence[FlagTally]:
        found: dict[str, list[FlaggedTurn]] = defaultdict(list)
        rang = [call for call in self._calls() if since <= datetime.fromisoformat(call.start.started_at) < until]
        for call in sorted(rang, key=lambda call: call.start.started_at, reverse=True):
            for flag in call.flags:
                at = FlaggedTurn(call.start.call_sid, flag.turn, flag.detail, call.start.started_at)
                found[flag.kind.value].append(at)
        tallies = [FlagTally(kind, len(flagged), flagged[:examples]) for kind, flagged in found.items()]
        return sorted(tallies, key=lambda tally: (-tally.count, tally.kind))

    async def first_audio(self, since: datetime, until: datetime, slower_than_ms: float) -> TurnCount:
        waits = [
            turn.timing.first_audio_ms
            for call in self._calls()
            if since <= datetime.fromisoformat(call.ended_at) < until
            for turn in call.turns
            if turn.timing.first_audio_ms is not None
        ]
        return TurnCount(len(waits), sum(waited > slower_than_ms for waited in waits))

    def _calls(self) -> list[CallRecord]:
        return [record for record, _ in self._read_model.calls.values()]
