"""Acts on what the caller's sounds mean while the agent speaks: the phone, the model and the turn follow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.announcer import Announcer
from realtime_bridge.protocol.barge_in import BargeIn, Held
from realtime_bridge.protocol.commands import Command, Happened, ToModel
from realtime_bridge.protocol.playback import Rest
from realtime_bridge.protocol.responses import Responses
from realtime_bridge.protocol.server_events import field_of
from realtime_bridge.protocol.speculation import Speculation
from realtime_bridge.protocol.turn_keeper import TurnKeeper
from realtime_bridge.protocol.voice import AgentVoice

CALLERS_WORDS = "conversation.item.input_audio_transcription."


class Interruptions:
    """Silences the phone at once; tells the model and closes the turn once the sound is an interruption."""

    __slots__ = ("_ahead", "_announcer", "_barge_in", "_commands", "_handle", "_keeper", "_responses", "_voice")

    def __init__(
        self,
        barge_in: BargeIn,
        voice: AgentVoice,
        announcer: Announcer,
        responses: Responses,
        keeper: TurnKeeper,
        ahead: Speculation,
        commands: list[Command],
        handle: Callable[[Mapping[str, Any], float], None],
    ) -> None:
        self._barge_in = barge_in
        self._voice = voice
        self._announcer = announcer
        self._responses = responses
        self._keeper = keeper
        self._ahead = ahead
        self._commands = commands
        self._handle = handle
        """What the model did while a sound was undecided goes here once it was an interruption."""

    @property
    def undecided(self) -> bool:
        """Whether the agent's words are held until it is clear what a sound was."""
        return self._barge_in.held is not None

    @property
    def due(self) -> float:
        """When a decision is due."""
        return self._barge_in.due

    def caller_sounds(self, item_id: str, now: float) -> None:
        """Speech was detected: within this very call the phone falls silent."""
        self._responses.caller_speaking = True
        if self._barge_in.held is not None:
            self._interrupted(now)  # a sound, and another one: the caller is saying something
            self._responses.caller_speaking = True
        rest = self._voice.cut(now)
        if self._barge_in.patient and self._can_go_on(rest):
            self._barge_in.hold(rest or (), item_id, now)
            self._responses.keep_server_from_answering()
        else:
            self._cut_off(rest, now)

    def _can_go_on(self, rest: Sequence[Rest] | None) -> bool:
        """Whether the caller was hearing something that can be taken up again."""
        if not self._responses.owed:
            return bool(rest)
        return self._responses.only_speaking and bool(rest or self._voice.unfinished())

    def key_pressed(self, now: float) -> None:
        """A key is never an accident of listening."""
        if self._barge_in.held is not None:
            self._interrupted(now)
        self._cut_off(self._voice.cut(now), now)

    def takes(self, event: Mapping[str, Any], now: float) -> bool:
        """Whether an event of the model belongs to an undecided sound; if not, it is for everybody else."""
        held = self._barge_in.held
        if held is None:
            return False
        kind = str(event.get("type"))
        if kind == "input_audio_buffer.speech_stopped":
            self._barge_in.stopped(event, now)
            held.unanswerable = not self._responses.server_begins
        elif kind.startswith(CALLERS_WORDS) and event.get("item_id") == held.item_id:
            self._words(event, kind.removeprefix(CALLERS_WORDS))
            if kind.endswith(".delta"):
                self._judge(now)
                return False  # they are searched for, too
        elif kind.startswith("response.") and self._responses.active is not None:
            self._keep(held, kind, event)
        elif held.stopped is None or kind == "input_audio_buffer.speech_started":
            return False
        else:
            held.events.append(event)
        self._judge(now)
        return True

    def _keep(self, held: Held, kind: str, event: Mapping[str, Any]) -> None:
        """The answer under way goes on arriving, and when it is over the server may begin another."""
        assert self._responses.active is not None
        if self._responses.active.over:
            held.events.append(event)
            held.unanswerable = held.unanswerable and kind != "response.created"
            return
        held.answer.append(event)
        if kind == "response.done" and self._responses.ended(field_of(event, "response", "id")):
            held.unanswerable = held.unanswerable or held.stopped is not None

    def _words(self, event: Mapping[str, Any], kind: str) -> None:
        if kind == "delta":
            self._barge_in.heard(str(event.get("delta", "")), final=False)
        elif kind == "completed":
            self._barge_in.heard(str(event.get("transcript", "")), final=True)
        elif self._barge_in.held is not None:
            self._barge_in.held.events.append(event)

    def _judge(self, now: float) -> None:
        verdict = self._barge_in.verdict(self._keeper.language, asking=self._asking)
        if verdict is True:
            self._interrupted(now)
        elif verdict is False:
            self.go_on(now)

    @property
    def _asking(self) -> bool:
        held = self._barge_in.held
        if held is None or not held.rest:
            return False
        spoken = self._voice.spoken.get(held.rest[-1].utterance.item_id)
        return spoken is not None and spoken.text.rstrip().endswith("?")

    def tick(self, now: float) -> None:
        """Whoever still sounds, or whose words did not come, is interrupting."""
        if self._barge_in.due <= now:
            self._interrupted(now)

    def _interrupted(self, now: float) -> None:
        held = self._barge_in.release()
        self._cut_off(held.rest, now)
        for event in held.answer:
            self._handle(event, now)
        if held.stopped is not None:
            self._catch_up(held, now)
        if held.unanswerable:
            self._responses.put_off()

    def _catch_up(self, held: Held, now: float) -> None:
        """What happened while nobody knew, in its order and, for the caller's part, at its time."""
        assert held.stopped is not None
        self._handle(*held.stopped)
        if held.final:
            words = {"type": f"{CALLERS_WORDS}completed", "item_id": held.item_id, "transcript": held.words}
            self._handle(words, now)
        for event in held.events:
            self._handle(event, now)

    def go_on(self, now: float) -> None:
        """It was nothing: the agent says the rest."""
        if self._barge_in.held is None:
            return
        held = self._barge_in.release()
        self._commands.append(Happened("backchannel" if held.words.strip() else "noise"))
        self._responses.want_no_answer()
        self._ahead.nothing_asked(now)
        self._voice.go_on(held.rest, now)
        for event in [*held.answer, *held.events]:
            self._handle(event, now)

    def _cut_off(self, rest: Sequence[Rest] | None, now: float) -> None:
        cut = {piece.utterance.item_id: piece.utterance for piece in rest or ()}
        cut |= {each.item_id: each for each in self._voice.unfinished()}
        self._responses.cancel()
        for utterance in cut.values():
            utterance.complete = True
            if utterance.known and not self._announcer.owns(utterance.item_id):
                self._commands.append(ToModel(realtime.truncate(utterance.item_id, utterance.heard_ms)))
        if rest and self._keeper.open is not None:
            self._keeper.open.interrupted = True
        self._announcer.cut(now)
