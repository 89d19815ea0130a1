"""The agent's voice on the phone: audio out with marks behind it, what of it was heard, and how it is cut."""

from realtime_bridge.protocol.commands import Command, ToPhone
from realtime_bridge.protocol.playback import Playback, Utterance
from realtime_bridge.protocol.turns import Spoken
from realtime_bridge.protocol.twilio import TwilioStream, audio_ms


class AgentVoice:
    """Everything the agent says in one stream, the model's items and pre-rendered phrases alike."""

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

    def play(self, utterance: Utterance, payload: str, now: float) -> None:
        """Send base64 µ-law, and a mark behind it when one is due."""
        mark = self._playback.sent(utterance, audio_ms(payload), now)
        self._commands.append(ToPhone(self._stream.media(payload)))
        self._send_mark(mark)

    def finished(self, utterance: Utterance) -> None:
        """No more audio will come of it."""
        self._send_mark(self._playback.finished(utterance))

    def _send_mark(self, name: str | None) -> None:
        if name is not None:
            self._commands.append(ToPhone(self._stream.mark(name)))

    def say(self, item_id: str, text: str, pieces: list[str], now: float) -> Spoken:
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

    def cut(self, now: float) -> Utterance | None:
        """The phone falls silent: the utterance that was cut; None when nothing was playing."""
        cut = self._playback.cut(now)
        if cut is not None:
            self._commands.append(ToPhone(self._stream.clear()))
        return cut

    def end(self, now: float) -> None:
        """The stream is gone: what was heard by now is all that ever will be."""
        self._playback.cut(now)
