"""A model says seconds of an answer at once: all of it reaches the phone, in order, and what follows it, too."""

import orjson
from websockets.frames import Frame, Opcode

from realtime_bridge.phone_socket import _framed
from tests.realtime_bridge.calls import mulaw
from tests.realtime_bridge.scripted_model import ModelSession
from tests.realtime_bridge.stage import Stage

LENGTHS_MS = [100, 20, 400, 9000, 100]
"""The fourth is a frame of more than 64 KiB."""


def said(kind: str, **fields: object) -> bytes:
    """A server event, framed."""
    event = orjson.dumps({"type": kind, "event_id": "event_1", **fields})
    return Frame(Opcode.TEXT, event).serialize(mask=False)


async def say_at_once(model: ModelSession, *events: bytes) -> None:
    """In one piece, as a fast model's words come."""
    model.socket.transport.write(b"".join(events))


class TestABurst:
    async def test_reaches_the_phone_whole_and_in_order(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await phone.until("mark")
            phone.heard.clear()
            words = {"response_id": "r", "item_id": "i"}
            deltas = [said("response.output_audio.delta", **words, delta=mulaw(ms)) for ms in LENGTHS_MS]
            item = {"id": "i", "type": "message", "status": "completed"}
            done = said("response.output_item.done", item=item), said("response.done", response={"id": "r"})
            await say_at_once(model, said("response.created", response={"id": "r"}), *deltas, *done)
            expected = [mulaw(ms) for ms in LENGTHS_MS]
            heard: list[str] = []
            while len(heard) < len(expected):
                payload = (await phone.until("media"))["media"]["payload"]
                heard += [payload] if payload in expected else []  # the greeting goes on meanwhile

            assert heard == expected

    async def test_does_not_hold_up_the_silence_after_it(self, stage: Stage) -> None:
        """The caller speaks: what was said in the same breath is on the phone before it is cleared."""
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await phone.until("mark")
            words = {"response_id": "r", "item_id": "i"}
            delta = said("response.output_audio.delta", **words, delta=mulaw(100))
            sound = said("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
            phone.heard.clear()
            await say_at_once(model, said("response.created", response={"id": "r"}), *[delta] * 4, sound, delta)
            await phone.until("clear")
            kinds = [frame["event"] for frame in phone.heard]

            assert kinds.count("media") >= 4
            assert kinds[-1] == "clear"

    async def test_of_a_session_that_ended_in_it_is_dropped_from_there_on(self, stage: Stage) -> None:
        """What the old session says behind its own end is not done for the new one."""
        async with stage.phone() as phone:
            await phone.start()
            first = await stage.model.session()
            await first.sent("session.update")
            over = said("error", error={"type": "invalid_request_error", "code": "session_expired"})
            begun = said("response.created", response={"id": "r"})
            delta = said("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))
            # Over an answer, it makes the call tell the server something about it.
            sound = said("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
            await say_at_once(first, begun, delta, over, sound)
            second = await stage.model.session()
            await phone.speak(10)
            await second.sent("input_audio_buffer.append", 10)
            kinds = {event["type"] for event in second.received}

            assert kinds == {"session.update", "conversation.item.create", "input_audio_buffer.append"}
            assert second.count("session.update") == 1


def test_frames_of_every_length_are_what_the_standard_says() -> None:
    for size in (0, 1, 125, 126, 127, 2**16 - 1, 2**16, 2**17):
        data = b"x" * size

        assert _framed(data) == Frame(Opcode.TEXT, data).serialize(mask=False)
