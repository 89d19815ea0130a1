"""Where a session puts what it wants done, in order."""

from collections.abc import Callable
from typing import Any

from firstline.speech.commands import Command, Send
from firstline.speech.config import Refused


class Outbox:
    """Collects commands; stamps server events with their id and type."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self.new_id = new_id
        """Prefix -> a fresh id with that prefix."""
        self._commands: list[Command] = []

    def send(self, event_type: str, **fields: Any) -> None:
        """A server event."""
        self._commands.append(Send({"type": event_type, "event_id": self.new_id("event"), **fields}))

    def error(self, refused: Refused, event_id: str | None) -> None:
        """An `error` event about the client event of this id; None when the client gave it none."""
        error = {
            "type": "invalid_request_error",
            "code": refused.code,
            "message": refused.message,
            "param": refused.param,
            "event_id": event_id,
        }
        self.send("error", error=error)

    def do(self, command: Command) -> None:
        """Anything that is not a server event."""
        self._commands.append(command)

    def take(self) -> list[Command]:
        """What has gathered since the last call."""
        taken, self._commands = self._commands, []
        return taken
