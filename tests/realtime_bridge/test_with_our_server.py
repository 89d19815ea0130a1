"""A call and our own server for the protocol, event by event: neither ever sends the other an error."""

from typing import Any

import pytest

from firstline.speech.answer import Say
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench
from tests.speech.driver import LOUD, QUIET, Driver


class Line:
    """Both ends, and the caller; nothing is under way for longer than a frame."""

    def __init__(self) -> None:
        self.server, self.bench = Driver(), Bench(rules=CallRules())
        self._carry([])
        self.bench.start()
        self._to_server(0)
        self._carry([])

    def hears(self, sound: bytes, ms: int) -> None:
        for _ in range(ms // 20):
            self.bench.now += 20
            self._carry(self.server.hear(sound, 20))
            if self.bench.session.wakes_at <= self.bench.now:
                self._by_the_bridge(lambda: self.bench.session.tick(self.bench.now))

    def written_down(self, words: str) -> None:
        self._carry(self.server.transcribed(words))

    def says_more(self, words: str, ms: int) -> None:
        """The server's answer goes on."""
        self._carry(self.server.speak(words, ms))

    def begins_to_answer(self, words: str, ms: int) -> None:
        self._carry(self.server.answer(Say(words)))
        self.says_more(words, ms)

    def count(self, kind: str) -> int:
        """How many events of this kind the server has sent."""
        return sum(event["type"] == kind for event in self.server.sent)

    def _by_the_bridge(self, act: Any) -> None:
        before = len(self.bench.commands)
        act()
        self.bench.take()
        self._to_server(before)

    def _to_server(self, before: int) -> None:
        for event in self.bench.to_model(self.bench.commands[before:]):
            self._carry(self.server.send(event))

    def _carry(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self._by_the_bridge(lambda event=event: self.bench.session.model(event, self.bench.now))


@pytest.fixture
def line() -> Line:
    """A fifth of a second into an answer that the server is still making."""
    line = Line()
    line.hears(LOUD, 1000)
    line.hears(QUIET, 600)
    line.written_down("How long does it take?")
    line.begins_to_answer("It takes seven days, or more.", 900)
    line.hears(QUIET, 200)
    return line


@pytest.mark.parametrize(("words", "responses"), [("Mhm.", 1), ("Stop.", 2)])
def test_a_short_sound_over_an_answer_under_way_is_no_error(line: Line, words: str, responses: int) -> None:
    line.hears(LOUD, 400)
    line.says_more("As a rule", 300)
    line.hears(QUIET, 600)
    assert line.count("input_audio_buffer.speech_stopped") == 2

    line.written_down(words)

    assert line.count("error") == 0
    assert line.count("response.created") == responses


def test_a_long_interruption_of_it_is_answered_by_the_server_alone(line: Line) -> None:
    line.hears(LOUD, 2000)
    line.hears(QUIET, 600)
    line.written_down("No, I mean the other one.")

    assert line.count("error") == 0
    assert line.count("response.created") == 2
    assert line.bench.sent_to_model("response.create") == []


def test_a_sound_that_outlasts_it_is_answered_by_the_server_alone(line: Line) -> None:
    line.hears(LOUD, 300)
    line._carry(line.server.spoken())
    line.hears(LOUD, 200)
    line.hears(QUIET, 600)
    line.written_down("Stop.")

    assert line.count("error") == 0
    assert line.count("response.created") == 2
    assert line.bench.sent_to_model("response.create") == []
