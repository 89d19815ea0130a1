"""The simulated chat model speaks as OpenAI's does: the official SDK's types, strictly checked, accept every chunk."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from firstline.simulators.chat_brain import Line, scripted
from firstline.simulators.chat_model import ChatSimulator
from tests.simulators.serving import serving

TOOL = {"type": "function", "function": {"name": "lookup_article", "parameters": {"type": "object"}}}
ASKED = [{"role": "user", "content": "How long is an invitation valid?"}]


@pytest.fixture
async def simulator() -> ChatSimulator:
    return ChatSimulator()


@pytest.fixture
async def client(simulator: ChatSimulator) -> AsyncIterator[AsyncOpenAI]:
    async with serving(simulator.app()) as url, AsyncOpenAI(api_key="any", base_url=url, max_retries=0) as client:
        yield client


async def chunks(client: AsyncOpenAI) -> list[ChatCompletionChunk]:
    stream = await client.chat.completions.create(  # type: ignore[call-overload]
        model="any", messages=ASKED, tools=[TOOL], stream=True, stream_options={"include_usage": True}
    )
    return [ChatCompletionChunk.model_validate(chunk.to_dict(), strict=True) async for chunk in stream]


async def test_words_and_calls_are_streamed_in_the_published_shape(
    client: AsyncOpenAI, simulator: ChatSimulator
) -> None:
    simulator.brain = scripted([Line("Let me see."), Line(call="lookup_article", arguments='{"query": "valid"}')])

    *written, last = await chunks(client)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in written) == "Let me see."
    calls = [call for chunk in written for call in chunk.choices[0].delta.tool_calls or ()]
    assert calls[0].id
    assert "".join((call.function and call.function.arguments) or "" for call in calls) == '{"query": "valid"}'
    assert written[-1].choices[0].finish_reason == "tool_calls"
    assert last.usage is not None
    assert last.choices == []


async def test_without_streaming_it_answers_at_once(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="any", messages=ASKED, tools=[TOOL])  # type: ignore[arg-type,list-item]

    checked = ChatCompletion.model_validate(answer.to_dict(), strict=True)
    assert checked.choices[0].message.tool_calls


@pytest.mark.parametrize(
    "messages",
    [
        [*ASKED, {"role": "tool", "tool_call_id": "c1", "content": "found"}],
        [{"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {}}]}, *ASKED],
        [],
    ],
)
async def test_what_openai_refuses_is_refused(client: AsyncOpenAI, messages: list[dict[str, object]]) -> None:
    with pytest.raises(BadRequestError):
        await client.chat.completions.create(model="any", messages=messages)  # type: ignore[arg-type]
