"""How a turn looks on a terminal."""

from rich.console import Console

from firstline.domain.turn import Turn, TurnTiming
from workers.show import show_turn


def shown(turn: Turn) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        show_turn(console, turn)
    return capture.get()


def test_a_turn_tells_how_its_wait_was_bridged() -> None:
    text = shown(Turn(1, "How?", "Like this.", fillers=1, timing=TurnTiming(900.0, 1400.0)))

    assert "How?" in text
    assert "(first audio 900 ms, turn gap 1400 ms, 1 filler)" in text


def test_what_the_agent_said_into_a_silence_has_no_caller() -> None:
    text = shown(Turn(2, "", "Are you still there?"))

    assert "caller" not in text
    assert "Are you still there? (into the silence)" in text
