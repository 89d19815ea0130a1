"""The agent's voice on the phone: audio out with marks behind it, what of it was heard, and how it is cut."""

import base64
import math
from collections.abc import Sequence

from realtime_bridge.protocol.commands import Command, Play, ToPhone
from realtime_bridge.protocol.playback import Playback, Rest, Utterance
from realtime_bridge.protocol.turns import Spoken
from realtime_bridge.protocol.twilio import MULAW_BYTES_PER_MS, TwilioStream


class AgentVoice:
    """Everything the agent says in one stream, the model's items and pre-rendered phrases alike."""

    __slots__ = ("_commands", "_playback", "_stream", "spoken")

    def __init__(self, stream: TwilioStream, commands: list[Command]) -> None:
        self._stream = stream
        self._commands = commands
        self._playback = Playback()
        self.spoken: dict[str, Spoken] = {}
        """Item id -> what was said of it, in the order of saying."""

    @property
    def playing(self) -> bool:
        """Whether audio was sent that no mark has confirmed yet."""
        return self._playback.playing

    @property
    def quiet_at(self) -> float:
        """When everything sent so far will have been heard."""
        return self._playback.quiet_at

    def play(self, utterance: Utterance, payload: str, now: float) -> None:
        """Send base64 µ-law, and a mark behind it when one is due."""
        mark = self._playback.sent(utterance, payload, now)
        self._commands.append(Play(self._stream.media(payload), payload))
        if mark is not None:
            self._send_mark(mark)

    def finished(self, utterance: Utterance) -> None:
        """No more audio will come of it."""
        if (mark := self._playback.finished(utterance)) is not None:
            self._send_mark(mark)

    def _send_mark(self, name: str) -> None:
        self._commands.append(ToPhone(self._stream.mark(name)))

    def say(self, item_id: str, text: str, pieces: Sequence[str], now: float) -> Spoken:
        """Say a whole pre-rendered phrase."""
        spoken = self.spoken[item_id] = Spoken(Utterance(item_id), text)
        for piece in pieces:
            self.play(spoken.utterance, piece, now)
        self.finished(spoken.utterance)
        return spoken

    def reached(self, mark: str, now: float) -> Spoken | None:
        """What a mark that Twilio echoed belongs to; None for one that was cut or that we never sent."""
        if not self._playback.reached(mark, now):
            return None
        return self.spoken.get(mark.rpartition("#")[0])

    def cut(self, now: float) -> list[Rest] | None:
        """The phone falls silent: what was not heard, in order; None when nothing was playing."""
        rest = self._playback.cut(now)
        if rest is not None:
            self._commands.append(ToPhone(self._stream.clear()))
        return rest

    def go_on(self, rest: Sequence[Rest], now: float) -> None:
        """Say what was cut, from where it was cut."""
        for each in {id(piece.utterance): piece.utterance for piece in rest}.values():
            each.sent_ms = each.heard_ms
        for index, piece in enumerate(rest):
            self.play(piece.utterance, _unheard(piece), now)
            last = index + 1 == len(rest) or rest[index + 1].utterance is not piece.utterance
            if last and piece.utterance.complete:
                self.finished(piece.utterance)

    def unfinished(self) -> list[Utterance]:
        """Items that began to be said and whose end has not come."""
        each = (spoken.utterance for spoken in self.spoken.values())
        return [utterance for utterance in each if not utterance.complete and utterance.sent_ms > 0]

    def finish_all(self) -> None:
        """A response is over: the items it left open get no more audio, and a mark that tells when they were heard."""
        for utterance in self.unfinished():
            self.finished(utterance)

    def forget_model(self) -> None:
        """Another model session takes over: it knows none of the items said so far, and adds nothing to them."""
        self.finish_all()
        for spoken in self.spoken.values():
            spoken.utterance.known = False

    def end(self, now: float) -> None:
        """The stream is gone: what was heard by now is all that ever will be."""
        self._playback.cut(now)


def _unheard(rest: Rest) -> str:
    if rest.heard_ms <= 0:
        return rest.payload
    # Rounded up: never a byte more than the model sent, or the position told to it could lie behind the end.
    heard = math.ceil(rest.heard_ms * MULAW_BYTES_PER_MS)
    return base64.b64encode(base64.b64decode(rest.payload)[heard:]).decode("ascii")
