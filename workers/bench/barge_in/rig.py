"""A call under a sound: the bridge's real session, a model that says its answer, a phone that plays it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from firstline.simulators.playback import Playback
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.call import CallSession
from realtime_bridge.protocol.commands import ToModel, ToPhone
from realtime_bridge.protocol.phrases import Phrase
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.protocol.twilio import MarkReached, StreamStarted, TwilioStream

FRAME_MS = 20
ANSWER_MS = 8000
WORDS = " ".join(f"word{number}" for number in range(24))
PIECE_MS = 100
PIECE = base64.b64encode(b"\x20" * PIECE_MS * 8).decode()
"""Of the agent's voice."""
WHOLE = ANSWER_MS // PIECE_MS
WHERE = {"response_id": "resp_0", "item_id": "item_0"}
AHEAD_MS, PACE = 500.0, 1.5
"""An answer that is being made is so far ahead of the phone when it begins, and made so much faster than played."""


@dataclass(frozen=True)
class Reaction:
    """What the caller and the model noticed, ms since the line's beginning; None for never."""

    silenced_at: float | None
    """The phone fell silent."""
    cut_off_at: float | None
    """The model was told that the caller spoke over its answer."""
    resumed_at: float | None
    """The agent went on."""
    told_ms: float | None
    """Position at which the answer was cut, as told to the model."""
    truth_ms: float
    """How much of the answer the phone had played when it fell silent for the last time."""
    heard_ms: float
    """How much of it the phone played in all."""


class Rig:
    """Time runs in frames of 20 ms from the moment the answer begins to play."""

    def __init__(self, rules: CallRules, *, generating: bool = False) -> None:
        """`generating`: the answer is made while it is played, half as fast again; else it is all there at once."""
        self._generating = generating
        self._made = 0
        self._under_way = True
        stream = TwilioStream()
        stream.stream_sid = "MZ" + "0" * 32
        config = realtime.SessionConfig("", [], "en")
        self._session = CallSession(stream, config, Phrase("", []), rules=rules, speculate=False)
        self._phone = Playback()
        self._echoes: list[str] = []
        self._in_ear = False
        self._heard_ms = 0.0
        self._silenced_at: float | None = None
        self._cut_off_at: float | None = None
        self._resumed_at: float | None = None
        self._told_ms: float | None = None
        self._truth_ms = 0.0

    def run(self, events: Sequence[tuple[float, dict[str, Any]]], length_ms: float) -> Reaction:
        """The model says `events`, each at its moment."""
        self._session.phone(StreamStarted("MZ" + "0" * 32, "CA" + "0" * 32), 0.0)
        self._session.model({"type": "response.created", "response": {"id": "resp_0"}}, 0.0)
        self._session.model({"type": "response.output_audio_transcript.delta", **WHERE, "delta": WORDS}, 0.0)
        self._generate(0.0)
        waiting, now = list(events), 0.0
        while now < length_ms:
            now += FRAME_MS
            self._play(now)
            self._generate(now)
            while waiting and waiting[0][0] <= now:
                self._session.model(waiting.pop(0)[1], now)
                self._perform(now)
            if self._session.wakes_at <= now:
                self._session.tick(now)
                self._perform(now)
        return Reaction(
            self._silenced_at, self._cut_off_at, self._resumed_at, self._told_ms, self._truth_ms, self._heard_ms
        )

    def _generate(self, now: float) -> None:
        """What the model has made of its answer by now, unless it was stopped."""
        due = min(WHOLE, int((AHEAD_MS + now * PACE) / PIECE_MS)) if self._generating else WHOLE
        while self._under_way and self._made < due:
            self._made += 1
            self._session.model({"type": "response.output_audio.delta", **WHERE, "delta": PIECE}, now)
        if self._under_way and self._made == WHOLE:
            self._end("completed", now)
        self._perform(now)

    def _end(self, status: str, now: float) -> None:
        self._under_way = False
        item = {"type": "message", "id": "item_0", "status": status}
        self._session.model({"type": "response.output_item.done", "item": item}, now)
        self._session.model({"type": "response.done", "response": {"id": "resp_0", "status": status}}, now)

    def _play(self, now: float) -> None:
        if self._in_ear:
            self._heard_ms += FRAME_MS
        frame, passed = self._phone.pull()
        self._in_ear = frame is not None
        self._echoes += passed
        while self._echoes:
            self._session.phone(MarkReached(self._echoes.pop(0)), now)
            self._perform(now)

    def _perform(self, now: float) -> None:
        for command in self._session.take_commands():
            if isinstance(command, ToPhone):
                self._to_phone(orjson.loads(command.data), now)
            elif isinstance(command, ToModel):
                event = orjson.loads(command.data)
                if event["type"] == "response.cancel":
                    self._end("cancelled", now)
                    self._perform(now)
                if event["type"] == "conversation.item.truncate" and self._cut_off_at is None:
                    self._cut_off_at, self._told_ms = now, float(event["audio_end_ms"])

    def _to_phone(self, frame: dict[str, Any], now: float) -> None:
        if frame["event"] == "media":
            self._phone.media(base64.b64decode(frame["media"]["payload"]))
            if self._silenced_at is not None and self._resumed_at is None:
                self._resumed_at = now
        elif frame["event"] == "mark":
            self._phone.mark(frame["mark"]["name"])
        else:
            self._silenced_at = self._silenced_at or now
            self._truth_ms = self._heard_ms
            self._echoes += self._phone.clear()
            self._in_ear = False
