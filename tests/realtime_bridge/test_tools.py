"""The three tools: what they ask, what they refuse, what the model is told."""

from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from firstline.domain.call import CallStarted
from firstline.domain.callback import CallbackRequest
from firstline.domain.passages import SearchResult
from firstline.ports import PortError
from realtime_bridge.protocol.commands import RunTool, ToolAnswer
from realtime_bridge.tools.runner import ToolRunner
from tests.fakes.call_control import FakeCallControl
from tests.fakes.knowledge import FakeKnowledge, passage

START = CallStarted("CA" + "1" * 32, "+15550100999", "+15550100100", "2026-11-22T10:00:00+00:00")
STATE = {
    "call_sid": START.call_sid,
    "language": "en",
    "transcript_summary": "The caller was charged twice.",
    "retrieved_chunk_ids": [],
}


@dataclass
class Facts:
    """What is known of the live call."""

    caller_text: str = ""
    confidence: float | None = None
    chunk_ids: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    language: str = "en"


class Bench:
    """A tool runner over fakes."""

    def __init__(self, facts: Facts | None = None, knowledge: FakeKnowledge | None = None) -> None:
        self.control = FakeCallControl()
        self.knowledge = knowledge or FakeKnowledge([passage("reset-password", "Choose Forgot password.")])

        async def transcribed() -> None:
            return None

        self.runner = ToolRunner(
            START, facts or Facts(), self.knowledge, self.control, ZoneInfo("America/New_York"), transcribed
        )

    async def run(self, name: str, **arguments: Any) -> tuple[dict[str, Any], ToolAnswer]:
        answer = await self.runner.run(RunTool("call_1", name, orjson.dumps(arguments).decode()))
        return orjson.loads(answer.output), answer


class TestLookup:
    async def test_quotes_passages_and_says_how_sure_it_is(self) -> None:
        output, answer = await Bench().run("lookup_article", query="forgot password")

        assert output["passages"][0]["article_id"] == "reset-password"
        assert answer.confidence is not None
        assert abs(output["confidence"] - answer.confidence) < 0.001
        assert answer.article_ids == ["reset-password"]

    async def test_that_cannot_reach_the_help_centre_gives_the_agent_words(self) -> None:
        class Down(FakeKnowledge):
            async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
                raise PortError("down")

        output, answer = await Bench(knowledge=Down()).run("lookup_article", query="forgot password")

        assert "person" in output["say"]
        assert answer.confidence is None

    async def test_that_crashes_still_answers(self) -> None:
        class Broken(FakeKnowledge):
            async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
                raise RuntimeError("a bug")

        output, _ = await Bench(knowledge=Broken()).run("lookup_article", query="forgot password")

        assert output["say"]


class TestHandoff:
    async def test_of_a_must_refuse_matter_is_accepted(self) -> None:
        bench = Bench(Facts("My last invoice charged us twice.", confidence=0.95))

        output, answer = await bench.run("handoff_to_human", reason="out_of_scope", confidence=0.9, call_state=STATE)

        assert output["accepted"] is True
        assert output["reason"] == "must_refuse_category"
        assert answer.farewell
        assert answer.model_confidence == 0.9
        assert len(bench.control.handoffs) == 1

    async def test_on_the_models_word_alone_is_refused_and_nobody_is_asked(self) -> None:
        bench = Bench(Facts("How do I reset my password?", confidence=0.95))

        output, answer = await bench.run("handoff_to_human", reason="low_confidence", confidence=0.1, call_state=STATE)

        assert output["accepted"] is False
        assert output["say"]
        assert not answer.farewell
        assert bench.control.handoffs == []

    async def test_that_cannot_be_made_durable_in_time_is_not_promised(self) -> None:
        bench = Bench(Facts("I want to speak to a person."))
        bench.control.unreachable = True

        output, answer = await bench.run("handoff_to_human", reason="caller_request", confidence=0.5, call_state=STATE)

        assert output["accepted"] is False
        assert not answer.farewell


class TestCallback:
    async def test_is_booked_and_read_back(self) -> None:
        bench = Bench()

        output, _ = await bench.run("schedule_callback", when="in one minute", topic="password")

        assert output["booked"] is True
        assert " at " in output["say"]
        [request] = bench.control.callbacks
        assert request.phone == START.from_number

    async def test_at_a_time_not_understood_is_asked_again(self) -> None:
        bench = Bench()

        output, _ = await bench.run("schedule_callback", when="blue", topic="password")

        assert output["booked"] is False
        assert bench.control.callbacks == []

    async def test_without_a_time_is_asked_for_one(self) -> None:
        output, _ = await Bench().run("schedule_callback", action="book", topic="password")

        assert output["booked"] is False
        assert "When" in output["say"]

    async def test_of_a_caller_who_hides_their_number_is_not_asked_for_another_time(self) -> None:
        bench = Bench()
        bench.runner.callbacks.start = replace(START, from_number="+266696687")

        output, _ = await bench.run("schedule_callback", when="in one hour", topic="password")

        assert output["booked"] is False
        assert "can't see the number" in output["say"]
        assert bench.control.callbacks == []

    async def test_too_far_away_says_why(self) -> None:
        output, _ = await Bench().run("schedule_callback", when="January 1 2090 at nine", topic="password")

        assert output["booked"] is False
        assert output["say"].startswith("I can't book that: that is more than")
        assert "30 days" in output["say"]


class TestACallbackThatIsNotWantedAnyMore:
    async def test_is_cancelled_when_it_was_promised_in_this_call(self) -> None:
        bench = Bench()
        await bench.run("schedule_callback", when="in one hour", topic="password")

        output, _ = await bench.run("schedule_callback", action="cancel")

        assert output["cancelled"] is True
        assert "cancelled" in output["say"]
        assert bench.control.owed == {}
        assert bench.control.calls[START.call_sid].callback is None

    async def test_is_cancelled_when_it_was_promised_in_an_earlier_call(self) -> None:
        bench = Bench()
        bench.control.owed["callback-CA2"] = CallbackRequest(
            "CA" + "2" * 32, START.from_number, "2026-12-01T10:00:00+00:00", "seats"
        )

        output, _ = await bench.run("schedule_callback", action="cancel")

        assert output["cancelled"] is True
        assert bench.control.owed == {}

    async def test_of_somebody_else_stays(self) -> None:
        bench = Bench()
        bench.control.owed["callback-CA2"] = CallbackRequest(
            "CA" + "2" * 32, "+15550100777", "2026-12-01T10:00:00+00:00", "seats"
        )

        output, _ = await bench.run("schedule_callback", action="cancel")

        assert output["cancelled"] is False
        assert "can't find" in output["say"]
        assert list(bench.control.owed) == ["callback-CA2"]

    async def test_but_is_being_dialled_is_not_said_to_be_cancelled(self) -> None:
        bench = Bench()
        await bench.run("schedule_callback", when="in one minute", topic="password")
        bench.control.dialling.update(bench.control.owed)

        output, _ = await bench.run("schedule_callback", action="cancel")

        assert output["cancelled"] is False
        assert "can't cancel" in output["say"]

    async def test_is_not_said_to_be_cancelled_before_that_is_durable(self) -> None:
        bench = Bench()
        await bench.run("schedule_callback", when="in one hour", topic="password")
        bench.control.unreachable = True

        output, _ = await bench.run("schedule_callback", action="cancel")

        assert output["cancelled"] is False
        assert len(bench.control.owed) == 1

    async def test_is_spoken_of_in_the_callers_language(self) -> None:
        output, _ = await Bench(Facts(language="es")).run("schedule_callback", action="cancel")

        assert "cancelar" in output["say"]

    async def test_may_be_promised_anew(self) -> None:
        bench = Bench()
        await bench.run("schedule_callback", when="in one hour", topic="password")
        await bench.run("schedule_callback", action="cancel")

        output, _ = await bench.run("schedule_callback", when="in two hours", topic="password")

        assert output["booked"] is True
        assert len(bench.control.owed) == 1


class TestBadArguments:
    @pytest.mark.parametrize(
        ("name", "arguments", "complains_of"),
        [
            ("lookup_article", "{}", "query"),
            ("lookup_article", "{", "not JSON"),
            ("lookup_article", "[]", "object"),
            ("lookup_article", '{"query": 7}', "query"),
            ("delete_account", "{}", "no tool"),
            ("handoff_to_human", '{"reason": "bored", "confidence": 0.5, "call_state": {}}', "reason"),
            ("schedule_callback", '{"action": "erase"}', "action"),
            ("schedule_callback", '{"when": "now", "topic": "x", "phone": "0123"}', "phone"),
        ],
    )
    async def test_are_explained_to_the_model(self, name: str, arguments: str, complains_of: str) -> None:
        bench = Bench()

        answer = await bench.runner.run(RunTool("call_1", name, arguments))

        assert complains_of in orjson.loads(answer.output)["error"]
        assert bench.knowledge.asked == []
        assert bench.control.handoffs == []
