"""The chat model behind our own Realtime server, by the official SDK, against a chat completions server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from firstline.adapters.chat_messages import NOT_HEARD, NOT_THERE_YET, messages
from firstline.adapters.chat_model import ChatModel
from firstline.simulators.chat_brain import Line, scripted
from firstline.simulators.chat_model import ChatSimulator, Pace, misfit
from firstline.speech.answer import (
    AnswerFailed,
    Begun,
    CallArguments,
    CallBegun,
    CallEnded,
    CutShort,
    Entry,
    Function,
    Part,
    Request,
    Say,
    Spent,
    ToolCall,
    ToolOutput,
    Words,
)
from tests.simulators.serving import Slot, serving

pytestmark = pytest.mark.integration

LOOKUP = Function("lookup_article", "Find passages.", {"type": "object", "properties": {"query": {"type": "string"}}})
ASKED: list[Entry] = [Words("user", "How long is an invitation valid?")]
ANSWER = "Yes, it is valid for **seven days**. After that, an administrator can send a new one."


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[tuple[Slot, str]]:
    slot = Slot()
    async with serving(slot) as url:
        yield slot, url


@pytest.fixture
async def simulator(served: tuple[Slot, str]) -> AsyncIterator[ChatSimulator]:
    simulator = ChatSimulator(api_key="secret")
    async with served[0].holding(simulator.app()):
        yield simulator


@pytest.fixture
async def model(served: tuple[Slot, str], simulator: ChatSimulator) -> AsyncIterator[ChatModel]:
    model = ChatModel("gpt-4.1-mini", "secret", served[1], wait_seconds=0.5)
    yield model
    await model.aclose()


def asking(*entries: Entry, choice: str = "auto", limit: int | None = None) -> Request:
    return Request(
        list(entries), "Be brief.\nlanguage: en\n", frozenset({LOOKUP.name}), (LOOKUP,), choice, False, limit
    )


async def answer(model: ChatModel, request: Request) -> list[Part]:
    return [part async for part in model.answer(request)]


class TestWords:
    async def test_come_by_the_clause_without_marks(self, model: ChatModel, simulator: ChatSimulator) -> None:
        simulator.brain = scripted([Line(ANSWER)])

        parts = await answer(model, asking(*ASKED))

        said = [part.text for part in parts if isinstance(part, Say)]
        assert " ".join(said) == ANSWER.replace("**", "")
        assert len(said) > 1
        assert isinstance(parts[0], Begun)

    async def test_the_first_is_here_before_the_rest_is_written(
        self, model: ChatModel, simulator: ChatSimulator
    ) -> None:
        simulator.brain = scripted([Line(ANSWER + " And so on." * 200)])
        simulator.pace = Pace(tokens_a_second=200)

        async with aclosing(model.answer(asking(*ASKED))) as parts:
            said = await anext(part async for part in parts if isinstance(part, Say))
        await asyncio.wait_for(simulator.closed.wait(), 5)

        assert ANSWER.replace("**", "").startswith(said.text)
        assert simulator.broken_off == 1

    async def test_instructions_to_say_something_exactly_need_no_model(
        self, model: ChatModel, simulator: ChatSimulator
    ) -> None:
        parts = await answer(model, Request([], 'Say exactly: "One moment."'))

        assert (parts, simulator.requests) == ([Say("One moment.")], [])

    async def test_the_tokens_are_counted_by_the_model(self, model: ChatModel) -> None:
        long = [Words("system", "The caller is on a phone. " * 40), *ASKED]

        first = await answer(model, asking(*long))
        again = await answer(model, asking(*long))

        [spent] = [part for part in first if isinstance(part, Spent)]
        [cached] = [part for part in again if isinstance(part, Spent)]
        assert spent.read > spent.cached == 0
        assert 0 < cached.cached <= cached.read


class TestTools:
    async def test_a_call_is_passed_on_as_it_is_written(self, model: ChatModel) -> None:
        parts = await answer(model, asking(*ASKED))

        begun = parts[1]
        assert isinstance(begun, CallBegun)
        assert begun.name == "lookup_article"
        pieces = [part.delta for part in parts if isinstance(part, CallArguments)]
        assert "".join(pieces) == '{"query": "How long is an invitation valid?"}'
        assert len(pieces) > 3
        assert sum(isinstance(part, CallEnded) for part in parts) == 1

    async def test_what_it_returned_is_what_is_said(self, model: ChatModel) -> None:
        output = '{"passages": [{"text": "It is valid for seven days.", "article_id": "a"}], "confidence": 0.9}'
        called: list[Entry] = [ToolCall("c1", "lookup_article", '{"query": "valid"}'), ToolOutput("c1", output)]

        parts = await answer(model, asking(*ASKED, *called))

        assert [part.text for part in parts if isinstance(part, Say)] == ["It is valid for seven days."]

    async def test_words_before_a_call_and_two_calls_keep_their_order(
        self, model: ChatModel, simulator: ChatSimulator
    ) -> None:
        call = Line(call="lookup_article", arguments="{}")
        simulator.brain = scripted([Line("Let me see."), call, call])

        parts = await answer(model, asking(*ASKED))

        kinds = [type(part) for part in parts if not isinstance(part, CallArguments)]
        assert kinds == [Begun, Say, CallBegun, CallEnded, CallBegun, CallEnded, Spent]

    @pytest.mark.parametrize(
        ("choice", "wire"),
        [
            ("auto", "auto"),
            ("none", "none"),
            ("required", "required"),
            ("lookup_article", {"type": "function", "function": {"name": "lookup_article"}}),
        ],
    )
    async def test_the_choice_is_the_sessions(
        self, model: ChatModel, simulator: ChatSimulator, choice: str, wire: object
    ) -> None:
        await answer(model, asking(*ASKED, choice=choice, limit=200))

        [body] = simulator.requests
        assert (body["tool_choice"], body["parallel_tool_calls"], body["max_completion_tokens"]) == (wire, False, 200)


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "code", "told"),
        [
            (429, "rate_limit_exceeded", "rate_limit_exceeded"),
            (429, "insufficient_quota", "insufficient_quota"),
            (401, "invalid_api_key", "invalid_api_key"),
            (400, "context_length_exceeded", "invalid_request"),
            (500, "oops", "server_error"),
        ],
    )
    async def test_are_told_apart(
        self, model: ChatModel, simulator: ChatSimulator, status: int, code: str, told: str
    ) -> None:
        simulator.failures = [(status, code)]

        with pytest.raises(AnswerFailed) as failed:
            await answer(model, asking(*ASKED))

        assert failed.value.code == told
        assert len(simulator.requests) == 1

    async def test_a_stream_that_breaks_off_gives_what_came(self, model: ChatModel, simulator: ChatSimulator) -> None:
        simulator.brain = scripted([Line("It is valid for seven days.")])
        simulator.failures = [(0, "")]
        parts = model.answer(asking(*ASKED))

        said = await anext(part async for part in parts if isinstance(part, Say))
        with pytest.raises(AnswerFailed, match="ended before"):
            await anext(parts)

        assert said.text == "It is valid"

    async def test_a_model_that_is_silent_too_long(self, model: ChatModel, simulator: ChatSimulator) -> None:
        simulator.pace = Pace(first_token_ms=(5000, 5000.1))

        with pytest.raises(AnswerFailed) as failed:
            await answer(model, asking(*ASKED))

        assert failed.value.code == "timeout"

    async def test_a_model_that_is_not_there(self) -> None:
        nobody = ChatModel("any", "", "http://127.0.0.1:9/v1")

        with pytest.raises(AnswerFailed) as failed:
            await answer(nobody, asking(*ASKED))

        assert failed.value.code == "connection_failed"

    @pytest.mark.parametrize(
        ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
    )
    async def test_an_answer_that_the_model_cut_short_says_so(
        self, model: ChatModel, simulator: ChatSimulator, finish: str, reason: str
    ) -> None:
        simulator.brain = scripted([Line("It takes", finish=finish)])

        assert CutShort(reason) in await answer(model, asking(*ASKED))


class TestMessages:
    def shapes(self, *entries: Entry) -> list[tuple[str, str]]:
        request = Request(list(entries))
        found = messages(request)
        assert not misfit({"model": "m", "messages": found})
        return [(message["role"], str(message.get("content") or "")) for message in found]

    def test_a_late_result_is_moved_to_its_call(self) -> None:
        call, output = ToolCall("c1", "lookup_article", "{}"), ToolOutput("c1", "found")

        assert self.shapes(*ASKED, call, Words("user", "Hello?"), output) == [
            ("user", "How long is an invitation valid?"),
            ("assistant", ""),
            ("tool", "found"),
            ("user", "Hello?"),
        ]

    def test_a_call_without_result_is_still_awaited(self) -> None:
        assert self.shapes(ToolCall("c1", "lookup_article", "{}"), *ASKED)[1] == ("tool", NOT_THERE_YET)

    def test_calls_made_together_stay_together(self) -> None:
        calls = [ToolCall("c1", "a", "{}"), ToolCall("c2", "b", "{}")]

        shapes = self.shapes(*calls, ToolOutput("c2", "two"), ToolOutput("c1", "one"))

        assert shapes == [("assistant", ""), ("tool", "one"), ("tool", "two")]

    def test_what_the_caller_did_not_hear_is_not_there(self) -> None:
        assert self.shapes(*ASKED, Words("assistant", "")) == [("user", "How long is an invitation valid?")]

    def test_a_turn_without_words_is_named_when_it_is_to_be_answered(self) -> None:
        assert self.shapes(Words("user", ""), Words("assistant", "Hello."), Words("user", "")) == [
            ("assistant", "Hello."),
            ("user", NOT_HEARD),
        ]

    def test_notes_of_the_runtime_are_the_systems(self) -> None:
        assert self.shapes(Words("system", "The caller pressed 5."), *ASKED)[0] == ("system", "The caller pressed 5.")
