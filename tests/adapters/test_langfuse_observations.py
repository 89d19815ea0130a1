"""A call as Langfuse shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firstline.adapters.langfuse_observations import (
    Kind,
    Model,
    Observation,
    observations,
    usage_details,
    without_numbers,
)
from firstline.domain.call import Outcome
from firstline.domain.flags import Flag, FlagKind
from firstline.domain.turn import ToolUse, Turn, TurnAudio, TurnTiming, Usage
from firstline.ports import CallRecord
from tests.workflows.calls import RANG_AT, started

MODEL = Model("gpt-realtime-2", lambda usage: 0.0125)
STOPPED = RANG_AT + timedelta(seconds=8)


def ms(count: float) -> timedelta:
    return timedelta(milliseconds=count)


def answered(number: int = 1, stopped: datetime | None = STOPPED) -> Turn:
    """A turn with a look-up; without `stopped` as an older bridge told it."""
    times = {} if stopped is None else {"stopped_at": stopped.isoformat(), "ended_at": (stopped + ms(6000)).isoformat()}
    stages = {"decision": 100.0, "retrieval": 30.0, "rerank": 5.0, "first_audio": 150.0}
    return Turn(
        number,
        "How do I reset it?",
        "Open settings.",
        confidence=0.62,
        chunk_ids=["kb_1"],
        tools=[ToolUse("lookup_article", '{"query": "reset"}', '{"found": 1}', 40.0)],
        timing=TurnTiming(first_audio_ms=450.0, turn_gap_ms=950.0, stages=stages, **times),
        usage=Usage(100, 300, 250, 20, 80),
    )


def record(*turns: Turn, **changes: object) -> CallRecord:
    ended = (RANG_AT + timedelta(minutes=1)).isoformat()
    return CallRecord(started("CA1"), ended, Outcome.RESOLVED, "en", list(turns), ["15:00:00 A caller rang"], **changes)  # type: ignore[arg-type]


def tree(call: CallRecord, audio: dict[str, str] | None = None) -> dict[str, Observation]:
    return {node.path: node for node in observations(call, MODEL, audio or {})}


class TestTheTree:
    def test_has_turns_below_the_call_tools_below_turns_and_searches_below_tools(self) -> None:
        nodes = tree(record(answered()))

        assert {path: (node.parent, node.kind) for path, node in nodes.items()} == {
            "call": ("", Kind.AGENT),
            "turn-1": ("call", Kind.GENERATION),
            "turn-1/tool-1": ("turn-1", Kind.TOOL),
            "turn-1/tool-1/retrieval": ("turn-1/tool-1", Kind.RETRIEVER),
        }

    def test_says_when_everything_was(self) -> None:
        nodes = tree(record(answered()))

        turn, tool = nodes["turn-1"], nodes["turn-1/tool-1"]
        assert (turn.began, turn.first_output, turn.ended) == (STOPPED, STOPPED + ms(450), STOPPED + ms(6000))
        assert (tool.began, tool.ended) == (STOPPED + ms(100), STOPPED + ms(140))
        assert nodes["turn-1/tool-1/retrieval"].ended == STOPPED + ms(135)
        assert (nodes["call"].began, nodes["call"].ended) == (RANG_AT, RANG_AT + timedelta(minutes=1))

    def test_puts_turns_that_tell_no_time_one_behind_the_other(self) -> None:
        nodes = tree(record(answered(1, None), answered(2, None)))

        assert nodes["turn-1"].began == RANG_AT
        assert nodes["turn-2"].began == nodes["turn-1"].ended == RANG_AT + ms(450)

    def test_warns_where_a_flag_was_raised(self) -> None:
        flags = [Flag(FlagKind.LOW_CONFIDENCE, 1, "confidence 0.62"), Flag(FlagKind.HANDOFF, 0, "low_confidence")]

        nodes = tree(record(answered(), flags=flags))

        assert nodes["turn-1"].warning == "low_confidence: confidence 0.62"
        assert nodes["call"].warning == "handoff: low_confidence"
        assert nodes["turn-1/tool-1"].warning == ""

    def test_shows_how_long_a_caller_waited_for_a_person(self) -> None:
        asked = Turn(1, "A person", "", tools=[ToolUse("handoff_to_human", "{}", "{}", 50.0)])

        nodes = tree(record(asked, handoff_reason="explicit_request", page_to_pickup_ms=21_000))

        assert nodes["handoff"].began == nodes["turn-1/tool-1"].ended
        assert nodes["handoff"].ended - nodes["handoff"].began == timedelta(seconds=21)

    def test_refers_to_recordings_beside_the_words(self) -> None:
        heard = replace(answered(), audio=TurnAudio("audio/caller.wav", "audio/agent.wav"))

        nodes = tree(record(heard), {"audio/agent.wav": "@@@media@@@"})

        assert nodes["turn-1"].input == "How do I reset it?"
        assert nodes["turn-1"].output == {"text": "Open settings.", "audio": "@@@media@@@"}


class TestTokens:
    def test_that_were_cached_are_a_part_of_the_input_and_counted_once(self) -> None:
        told = usage_details(Usage(input_text=100, input_audio=300, cached=250, output_text=20, output_audio=80))

        assert told["input"] + told["input_cached_tokens"] == 400
        assert told["total"] == sum(count for name, count in told.items() if name != "total") == 500

    def test_cost_what_is_known_of_their_price_and_never_nothing(self) -> None:
        silent = replace(answered(), usage=Usage())
        unknown = next(node for node in observations(record(answered()), Model("m"), {}) if node.path == "turn-1")

        assert tree(record(answered()))["turn-1"].usd == 0.0125
        assert tree(record(silent))["turn-1"].usd is None
        assert unknown.usd is None

    def test_are_left_out_where_none_were_told(self) -> None:
        assert usage_details(Usage()) == {}


class TestNumbers:
    @pytest.mark.parametrize(
        "said", ["+15550100999", "(555) 010-0999 please", "call 555 010 0999", "5550100999.", "00 44 20 7946 0958"]
    )
    def test_are_blanked_however_they_are_written(self, said: str) -> None:
        clean = without_numbers({"words": [said]})["words"][0]

        assert "[number]" in clean
        assert not any(run in clean for run in ("0999", "0958"))

    @pytest.mark.parametrize(
        "said", ["2026-11-25T09:00:00-05:00", "2026-11-25 09:00", "kb_0123456789ab", "0.8123456789012", "code 123456"]
    )
    def test_that_are_none_stay(self, said: str) -> None:
        assert without_numbers(said) == said

    def test_of_a_day_in_another_zone_stay(self) -> None:
        at = datetime(2026, 11, 25, tzinfo=UTC).isoformat()

        assert without_numbers({"at": at}) == {"at": at}
