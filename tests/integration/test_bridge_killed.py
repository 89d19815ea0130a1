"""`kill -9` of the bridge in the middle of its answer: what the caller and the next bridge's model hear and know."""

import base64
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from temporalio.testing import WorkflowEnvironment
from websockets.exceptions import ConnectionClosed

from firstline.adapters.postgres import Pool
from firstline.names import call_workflow_id
from firstline.ports import PortError
from firstline.prompts import language_pack
from tests.contracts.test_call_control import DEADLINE, eventually
from tests.integration.two_bridges import COMPANY, TwoBridges, two_bridges
from tests.realtime_bridge.calls import mulaw
from tests.realtime_bridge.scripted_model import ModelSession, scripted_model
from tests.realtime_bridge.stage import Phone
from workflows.call import CallWorkflow

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SPANISH = language_pack("es")
GREETING = SPANISH.greeting.format(company=COMPANY)
QUESTION = "¿Cómo restablezco mi contraseña?"
ANSWER = "Elija Olvidé mi contraseña."
AND_THEN = "¿Y si no llega el correo?"
CUT = "Mire primero en la carpeta del correo que no desea."
HEARD_OF_CUT = "Mire primero en la carpeta"
"""The half of its words whose audio was heard."""
LAST = "Una hora."
OPEN = "¿Cuánto tiempo sirve el enlace?"


@pytest.fixture
async def line(
    tmp_path: Path, dev_server: WorkflowEnvironment, pool: Pool, database_url: str
) -> AsyncIterator[TwoBridges]:
    async with scripted_model() as model, two_bridges(tmp_path, dev_server, pool, database_url, model) as line:
        yield line


async def hears(phone: Phone, model: ModelSession, item: str) -> None:
    """The caller hears the first of this item, and the bridge knows it: what the caller sends next has arrived."""
    await phone.play_all(item)
    arrived = model.count("input_audio_buffer.append")
    await phone.speak(1)
    await model.sent("input_audio_buffer.append", arrived + 1)


async def talk(line: TwoBridges, phone: Phone, model: ModelSession) -> str:
    """An answer heard, an answer cut short by the caller, and an answer that has just begun; what the look-up found."""
    await hears(phone, model, "greeting")
    await model.hear(QUESTION, "u1")
    await model.ask_tool("lookup_article", {"query": QUESTION})
    found = (await model.sent("conversation.item.create", item_type="function_call_output"))["item"]["output"]
    await model.sent("response.create")
    await model.speak(ANSWER, mulaw(100), "r1", "a1")
    await hears(phone, model, "a1")

    await model.hear(AND_THEN, "u2")
    await model.say("response.created", response={"id": "r2"})
    await model.say("response.output_audio_transcript.delta", response_id="r2", item_id="a2", delta=CUT)
    for _ in range(2):
        await model.say("response.output_audio.delta", response_id="r2", item_id="a2", delta=mulaw(20_000))
    await hears(phone, model, "a2")
    await model.hear(OPEN, "u3")
    await phone.until("clear")
    await model.say("response.done", response={"id": "r2", "status": "cancelled"})

    await model.say("response.created", response={"id": "r3"})
    await model.say("response.output_audio_transcript.delta", response_id="r3", item_id="a3", delta="Una hora")
    await model.say("response.output_audio.delta", response_id="r3", item_id="a3", delta=mulaw(400))
    await phone.until("media")

    async def told_of_the_open_question() -> bool:
        try:
            context = await line.control.resume_context(line.call_sid, DEADLINE)
        except PortError:  # the call's workflow begins with its first fact, which may be under way
            return False
        return bool(context.lines) and context.lines[-1].text == OPEN

    await eventually(told_of_the_open_question)
    return str(found)


def told(item: dict[str, Any]) -> tuple[str, str]:
    """Who speaks, or what kind of item it is, and its words."""
    words = item["content"][0]["text"] if "content" in item else item.get("output", item.get("arguments", ""))
    return item.get("role", item["type"]), words


async def items_until_asked(model: ModelSession) -> list[dict[str, Any]]:
    """What a session is given before it is asked to speak."""
    await model.sent("response.create")
    kinds = [event["type"] for event in model.received]
    before = model.received[: kinds.index("response.create")]
    return [event["item"] for event in before if event["type"] == "conversation.item.create"]


def audio(phone: Phone) -> bytes:
    """Everything that was sent to the caller's ear."""
    frames = [frame["media"]["payload"] for frame in phone.heard if frame["event"] == "media"]
    return b"".join(base64.b64decode(frame) for frame in frames)


async def test_the_call_goes_on_at_the_other_bridge_as_if_nothing_had_happened(
    line: TwoBridges, dev_server: WorkflowEnvironment
) -> None:
    asked = await line.webhook(f"{line.base}/twilio/voice?language=es")
    async with line.stream(asked) as phone:
        model = await line.session()
        found = await talk(line, phone, model)
        killed, ended = await line.kill_the_bridge_on_the_call()
        with pytest.raises(ConnectionClosed) as closed:
            await phone.until("nothing")
    first_ear, session = audio(phone), (await model.sent("session.update"))["session"]

    resumed = await line.webhook(asked.action)
    async with line.stream(resumed) as phone:
        again = await line.session()
        items = await items_until_asked(again)
        await phone.play_all("greeting")
        [carries] = [backend.name for backend in line.balancer.backends if backend.streams]
        second_ear = audio(phone)
        await again.speak(LAST, mulaw(100), "r1", "a9")
        await phone.play_all("a9")
        await phone.hang_up()
    call = dev_server.client.get_workflow_handle_for(CallWorkflow.run, call_workflow_id(line.call_sid))
    over = await call.result()
    turns = await call.query(CallWorkflow.turns)

    assert (ended, killed != carries) == (-signal.SIGKILL, True)
    assert closed.value.rcvd is None, "a bridge that is killed says no goodbye"
    assert (resumed.parameters["language"], resumed.parameters["resumed"]) == ("es", "1")
    assert (await again.sent("session.update"))["session"] == session
    assert [told(item) for item in items] == [
        ("system", f"call_sid: {line.call_sid}"),
        ("user", QUESTION),
        ("function_call", orjson.dumps({"query": QUESTION}).decode()),
        ("function_call_output", found),
        ("assistant", ANSWER),
        ("user", AND_THEN),
        ("assistant", HEARD_OF_CUT),
        ("user", OPEN),
        ("system", f"{SPANISH.re_anchor} {SPANISH.answer_now}"),
    ]
    assert "reset-password-es" in found
    assert first_ear.startswith(await line.phrase("es", GREETING))
    assert second_ear == await line.phrase("es", SPANISH.still_here)
    assert [turn.spoken for turn in turns] == [
        [("caller", QUESTION), ("agent", ANSWER)],
        [("caller", AND_THEN), ("agent", HEARD_OF_CUT)],
        [("caller", OPEN), ("agent", LAST)],
    ]
    assert over.turns == 3
