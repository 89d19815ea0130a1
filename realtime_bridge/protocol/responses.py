"""One active response at a time: who may ask the model to speak, and when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, RunTool, ToModel
from realtime_bridge.protocol.server_events import answers_by_itself


@dataclass(slots=True)
class Response:
    """The model's active response."""

    id: str
    dropped: bool = False
    """Cancelled by a barge-in: what still arrives of it is not played."""
    over: bool = False
    """The server has ended it; the end of it is kept until it is clear what a sound of the caller was."""


class Responses:
    """The sequencer of one model session."""

    __slots__ = (
        "_asked", "_commands", "_failed", "_kept_from_answering", "_muted", "_server_answers", "_unwanted", "_wanted",
        "active", "caller_speaking", "expected", "server_begins", "tools",
    )  # fmt: skip

    def __init__(self, commands: list[Command], server_answers: Callable[[bool], bytes]) -> None:
        """`server_answers` is the event that has the server begin responses by itself, or not."""
        self._commands = commands
        self._server_answers = server_answers
        self._kept_from_answering = False
        self._asked = False
        """A response was asked for and has not begun."""
        self.server_begins = True
        """Whether the server, by its own word, begins a response when the caller has finished."""
        self._wanted = False
        self._muted = False
        self._unwanted = False
        self._failed = False
        self.active: Response | None = None
        self.expected = False
        """The caller has finished and the model will respond by itself, but has not begun."""
        self.tools: dict[str, RunTool] = {}
        """Call id -> a tool that the model waits for."""
        self.caller_speaking = False

    @property
    def idle(self) -> bool:
        """Whether the model has nothing under way, neither words nor tools."""
        return self.active is None and not self.tools

    @property
    def owed(self) -> bool:
        """Whether the caller waits for something of the model."""
        return not self._muted and (self.expected or self._wanted or not self.idle)

    @property
    def only_speaking(self) -> bool:
        """Whether the rest of the active response is all that the caller waits for."""
        return self.active is not None and not (self.active.dropped or self.expected or self._wanted or self.tools)

    @property
    def owed_by_model(self) -> bool:
        """Whether the next word is the model's: an answer, the rest of one, or that the caller has finished."""
        return not self._muted and (self.expected or self.caller_speaking or self.active is not None)

    def caller_stopped(self) -> None:
        """The caller has finished: the server begins a response by itself, which no round trip delays.

        While one is active it cannot (`create_response`, https://developers.openai.com/api/reference/resources/realtime).
        """
        self.caller_speaking = self._unwanted = self._failed = self._asked = False
        self.expected = True
        if self.active is not None or not self.server_begins:
            self.put_off()

    def put_off(self) -> None:
        """The server could not begin its response to what the caller said: it is asked for once it can."""
        if self._asked:
            return
        self.expected = self._unwanted = False
        self.ask()

    def keep_server_from_answering(self) -> None:
        """The caller makes a sound over the active response: to begin another at its end would fail."""
        if self.active is not None and not self._kept_from_answering:
            self._kept_from_answering = True
            self._commands.append(ToModel(self._server_answers(False)))

    def let_server_answer(self) -> None:
        """No response is active any more, or this one will not be for long. Harmless when the server never was kept."""
        if self._kept_from_answering:
            self._kept_from_answering = False
            self._commands.append(ToModel(self._server_answers(True)))

    def configured(self, event: Mapping[str, Any]) -> None:
        """`session.updated`: what the caller finishes from here on is answered as it says."""
        self.server_begins = answers_by_itself(event)

    def created(self, response_id: str) -> None:
        """The model began to respond, asked by us or by the end of the caller's speech."""
        self.active = Response(response_id)
        self._wanted = self.expected = self._asked = False
        if self._muted or self._unwanted or self.caller_speaking:
            # Of a caller who goes on speaking only the end is answered, and that begins a response of its own.
            self._unwanted = False
            self.cancel()

    def done(self, response_id: object) -> None:
        """A response ended, for whatever reason."""
        if self.active is not None and response_id == self.active.id:
            self.active = None
        self._ask_if_free()

    def failed(self) -> None:
        """A response ended without a word: it is asked for once more. After that the silence counts as dead air."""
        if self._failed:
            self.expected = True
        else:
            self._failed = True
            self.ask()

    def ended(self, response_id: object) -> bool:
        """The active response is over, though what it said last waits; False when this is not the active one."""
        if self.active is None or self.active.over or response_id != self.active.id:
            return False
        self.active.over = True
        self.let_server_answer()
        return True

    def speaks(self, response_id: object) -> bool:
        """Whether this is the active response and it is to be heard."""
        return self.active is not None and not self.active.dropped and response_id == self.active.id

    @property
    def dropping(self) -> bool:
        """Whether what arrives of the active response is not wanted."""
        return self.active is not None and self.active.dropped

    def cancel(self) -> None:
        """Stop the active response, if there is one; nothing more of it is played."""
        if self.active is not None and not self.active.dropped:
            self.active.dropped = True
            if self.active.over:
                return  # to cancel what is not active would be an error
            self._commands.append(ToModel(realtime.response_cancel(self.active.id)))
            self.let_server_answer()

    def want_no_answer(self) -> None:
        """The caller made a sound that asks for nothing: the response that the server begins to it is stopped."""
        self.caller_speaking, self._unwanted = False, True
        self.let_server_answer()

    def mute(self) -> None:
        """The model has no more say in this call."""
        self._muted = True
        self.cancel()

    def expect(self, tool: RunTool) -> None:
        """The model asked for a tool, and waits for its answer."""
        self.tools[tool.call_id] = tool

    def ask(self) -> None:
        """Have the model speak once it is free and the caller is silent."""
        self._wanted = not self._muted
        self._ask_if_free()

    def _ask_if_free(self) -> None:
        # While the caller speaks nothing is asked: the end of speech asks by itself.
        if self._wanted and self.idle and not self.caller_speaking and not self.expected:
            self._wanted, self._unwanted = False, False
            self.expected = self._asked = True
            self._commands.append(ToModel(realtime.response_create()))

    def forget(self) -> None:
        """Another model session takes over: it knows nothing of the old one's responses. Tools run on, for it."""
        self.active, self._wanted, self.expected, self._unwanted = None, False, False, False
        self.caller_speaking = self._asked = False
        self.begin_session()

    def begin_session(self) -> None:
        """The events from here on go to a session that was told nothing yet."""
        self._kept_from_answering, self.server_begins = False, True
