"""The person at the other end, frame by frame."""

from typing import Any

from firstline.simulators.mulaw import FRAME_MS, SILENCE, babble, frames
from firstline.simulators.phone import HangUp, Person, Place, Reaction, Script, Turn

VOICE = frames(babble(200))[3]
HELLO = Turn(babble(300))


def hear(
    person: Person, ms: int, frame: bytes | None, place: Place = Place.STREAM, pending_ms: int = 0
) -> list[Reaction]:
    """Let the person hear the same frame for a while."""
    return [person.tick(place, frame, pending_ms) for _ in range(ms // FRAME_MS)]


def events(reactions: list[Reaction], name: str) -> list[dict[str, Any]]:
    return [values for reaction in reactions for event, values in reaction.events if event == name]


class TestTurns:
    def test_wait_until_the_other_side_has_spoken_and_is_quiet(self) -> None:
        person = Person(Script(turns=(HELLO,), patience_ms=800))
        hear(person, 1000, VOICE)

        quiet = hear(person, 2000, None)

        started = events(quiet, "turn_started")
        assert started == [{"turn": 0, "line_ms": 1000 + 800 - FRAME_MS}]
        assert [r.frame for r in quiet if r.frame != SILENCE][:15] == frames(HELLO.audio)

    def test_do_not_begin_before_anything_was_heard(self) -> None:
        person = Person(Script(turns=(HELLO,)))

        assert not events(hear(person, 5000, None), "turn_started")

    def test_wait_while_audio_is_still_buffered(self) -> None:
        person = Person(Script(turns=(HELLO,)))
        hear(person, 500, VOICE)

        assert not events(hear(person, 2000, SILENCE, pending_ms=1500), "turn_started")

    def test_are_not_said_to_an_announcement(self) -> None:
        person = Person(Script(turns=(HELLO,)))
        hear(person, 500, VOICE, Place.ANNOUNCEMENT)

        assert not events(hear(person, 2000, None, Place.ANNOUNCEMENT), "turn_started")

    def test_barge_in_while_the_other_side_speaks(self) -> None:
        person = Person(Script(turns=(Turn(HELLO.audio, barge_in_ms=400),)))

        started = events(hear(person, 2000, VOICE), "turn_started")

        assert started == [{"turn": 0, "line_ms": 400}]

    def test_each_need_an_answer_of_their_own(self) -> None:
        person = Person(Script(turns=(HELLO, HELLO)))
        hear(person, 200, VOICE)
        hear(person, 1200, None)

        unanswered = hear(person, 3000, None)
        hear(person, 200, VOICE)
        answered = hear(person, 1200, None)

        assert not events(unanswered, "turn_started")
        assert [e["turn"] for e in events(answered, "turn_started")] == [1]

    def test_may_come_first(self) -> None:
        person = Person(Script(turns=(HELLO,), speaks_first=True))

        assert events(hear(person, 20, None), "turn_started")


class TestKeys:
    def test_are_pressed_after_a_turn(self) -> None:
        person = Person(Script(turns=(Turn(digits="42"),), speaks_first=True))

        assert "".join(r.digit for r in hear(person, 200, None)) == "42"

    def test_are_pressed_when_asked_for(self) -> None:
        person = Person(Script(presses="1", presses_after_ms=300))
        person.asked_for_digits()

        reactions = hear(person, 1000, VOICE, Place.ANNOUNCEMENT)

        assert [index for index, r in enumerate(reactions) if r.digit] == [300 // FRAME_MS - 1]


class TestHangingUp:
    def test_happens_after_the_last_answer(self) -> None:
        person = Person(Script(hang_up_patience_ms=1000))
        hear(person, 500, VOICE)

        reasons = [r.hang_up for r in hear(person, 1000, None)]

        assert reasons.index("said_goodbye") == 1000 // FRAME_MS - 1

    def test_waits_on_hold_for_a_person(self) -> None:
        person = Person(Script(hang_up_patience_ms=500))
        hear(person, 500, VOICE)

        on_hold = hear(person, 5000, None, Place.HOLD)
        hear(person, 500, VOICE, Place.CONFERENCE)
        after = hear(person, 500, None, Place.CONFERENCE)

        assert not any(r.hang_up for r in on_hold)
        assert after[-1].hang_up == "said_goodbye"

    def test_may_wait_to_be_put_through(self) -> None:
        person = Person(Script(hang_up=HangUp.AFTER_PERSON, hang_up_patience_ms=500))
        hear(person, 500, VOICE)

        assert not any(r.hang_up for r in hear(person, 5000, None))

    def test_happens_at_last_whatever_happens(self) -> None:
        person = Person(Script(hang_up=HangUp.NEVER, give_up_ms=1000))

        assert hear(person, 1020, None)[-1].hang_up == "gave_up"


class TestListening:
    def test_tells_when_the_other_side_starts_and_stops(self) -> None:
        person = Person(Script())

        reactions = hear(person, 500, VOICE) + hear(person, 500, None)

        assert events(reactions, "agent_audio_started") == [{"line_ms": 0}]
        assert events(reactions, "agent_audio_stopped") == [{"line_ms": 500, "began_line_ms": 0}]
