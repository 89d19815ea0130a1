"""The satisfaction sample in dictionaries."""

from collections.abc import Sequence
from datetime import datetime

from firstline.domain.call import Outcome
from firstline.ports import Rejected
from tests.fakes.read_model import FakeReadModel


class FakeSurvey:
    """`ports_after_call.Survey` over the calls that were saved."""

    def __init__(self, read_model: FakeReadModel) -> None:
        self._read_model = read_model
        self.eval_calls: set[str] = set()
        self.samples: dict[str, dict[str, int | None]] = {}
        """Month -> CallSid -> score."""

    async def deflected(self, since: datetime, until: datetime) -> Sequence[str]:
        return [
            sid
            for sid, (call, _) in sorted(self._read_model.calls.items())
            if call.outcome is Outcome.RESOLVED
            and since <= datetime.fromisoformat(call.start.started_at) < until
            and sid not in self.eval_calls
        ]

    async def sample(self, month: str) -> Sequence[str]:
        return sorted(self.samples.get(month, {}))

    async def keep_sample(self, month: str, call_sids: Sequence[str]) -> None:
        kept = self.samples.setdefault(month, {})
        for sid in call_sids:
            kept.setdefault(sid, None)

    async def keep_score(self, month: str, call_sid: str, score: int) -> None:
        if not 1 <= score <= 5:
            raise Rejected("the score was not kept: CheckViolation")
        if call_sid in self.samples.get(month, {}):
            self.samples[month][call_sid] = score
