"""How long each part of a turn takes, from the events and commands of a session with the time passed in.

Stages: `detection` (work on one 32 ms frame), `whisper` (one transcript, its wait for the model included),
`transcription` (end of speech to the answerer being asked: what of the transcript was not ready by then),
`answer_first_token` and `answer_first_clause` (since the answerer was asked), `speech_first_audio` (first clause to its
first sound), and `first_audio` (end of speech to the first sound of the turn, tools and all).
"""

from collections.abc import Callable

from prometheus_client import Histogram

from firstline.speech.answer import Begun, Part, Say

STAGES = Histogram(
    "firstline_speech_stage_ms",
    "One stage of a turn in our own realtime server, ms",
    ["stage"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000),
)

Record = Callable[[str, float], None]
"""(stage, ms)."""


def measure(stage: str, ms: float) -> None:
    """Into the process's metrics."""
    STAGES.labels(stage).observe(ms)


class Stopwatch:
    """One session's. All times are ms of any steady clock."""

    def __init__(self, record: Record = measure) -> None:
        self.record = record
        self._stopped_at: float | None = None
        """End of the speech that is not answered yet."""
        self._waits_for_words = False
        self._asked: dict[str, float] = {}
        self._begun: set[str] = set()
        self._speaking: dict[str, float] = {}

    def stopped(self, now: float) -> None:
        """The caller's turn is over."""
        self._stopped_at, self._waits_for_words = now, True

    def asked(self, response_id: str, now: float) -> None:
        """The answerer is asked."""
        self._asked[response_id] = now
        if self._waits_for_words and self._stopped_at is not None:
            self.record("transcription", now - self._stopped_at)
        self._waits_for_words = False

    def answered(self, response_id: str, part: Part, now: float) -> None:
        """A part of the answer is here."""
        since = self._asked.get(response_id)
        if since is None:
            return
        if response_id not in self._begun:
            self._begun.add(response_id)
            self.record("answer_first_token", now - since)
        if isinstance(part, Say):
            self.record("answer_first_clause", now - since)
        if not isinstance(part, Begun):
            del self._asked[response_id]

    def speaks(self, response_id: str, now: float) -> None:
        """The voice is given the first words."""
        self._speaking[response_id] = now

    def sounds(self, response_id: str, now: float) -> None:
        """A piece of sound is here."""
        since = self._speaking.pop(response_id, None)
        if since is None:
            return
        self.record("speech_first_audio", now - since)
        if self._stopped_at is not None:
            self.record("first_audio", now - self._stopped_at)
            self._stopped_at = None

    def over(self, response_id: str) -> None:
        """Nothing more of this response is waited for."""
        self._asked.pop(response_id, None)
        self._begun.discard(response_id)
        self._speaking.pop(response_id, None)
