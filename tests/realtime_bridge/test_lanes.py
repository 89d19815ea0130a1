"""The model's sockets fail: every way, over real sockets, with a second lane and without one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from prometheus_client import REGISTRY

from firstline.ports import Rejected
from realtime_bridge import call_model, model_link
from realtime_bridge.model_link import LinkWatcher, ModelEndpoint, ModelLink
from realtime_bridge.protocol import pulse, rollover
from realtime_bridge.protocol.faults import Fault, Kind
from realtime_bridge.protocol.realtime import SessionConfig, session_update
from tests.realtime_bridge.calls import mulaw
from tests.realtime_bridge.scripted_model import ModelSession, ScriptedModel, scripted_model
from tests.realtime_bridge.stage import Phone, Stage

CONFIG = SessionConfig("Be kind.", [], "en")


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class TwoLanes:
    """A bridge with a native and a chained lane."""

    def __init__(self, stage: Stage, native: ScriptedModel, chained: ScriptedModel) -> None:
        self.stage = stage
        self.native = native
        self.chained = chained

    async def states(self) -> dict[str, str]:
        """What /healthz says of the lanes."""
        return dict((await self.stage.http.get("/healthz")).json()["lanes"])


@pytest.fixture
async def lanes(tmp_path: Path) -> AsyncIterator[TwoLanes]:
    async with scripted_model() as native, scripted_model() as chained:
        stage = Stage(tmp_path, native, chained=chained)
        async with stage.bridge.running(), stage.http:
            yield TwoLanes(stage, native, chained)


@asynccontextmanager
async def in_call(stage: Stage) -> AsyncIterator[Phone]:
    """A phone whose stream has started."""
    async with stage.phone() as phone:
        await phone.start()
        yield phone


def said(session: ModelSession) -> list[str]:
    """The words of the items that a session was given."""
    items = [event["item"] for event in session.received if event["type"] == "conversation.item.create"]
    return [part["text"] for item in items for part in item.get("content", [])]


def refusal(status: int, code: str, **headers: str) -> tuple[int, dict[str, str], str]:
    return status, headers, orjson.dumps({"error": {"code": code, "message": "no"}}).decode()


class TestANativeLaneThatRefuses:
    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            (refusal(401, "invalid_api_key"), "open: invalid_api_key"),
            (refusal(429, "insufficient_quota"), "open: insufficient_quota"),
            (refusal(429, "rate_limit_exceeded", **{"Retry-After": "30"}), "open: rate_limit_exceeded"),
        ],
        ids=["the key", "for want of quota", "for the rate"],
    )
    async def test_is_left_for_the_other_at_once_and_by_the_next_call_too(
        self, lanes: TwoLanes, answer: tuple[int, dict[str, str], str], state: str
    ) -> None:
        lanes.native.refusal = answer
        async with in_call(lanes.stage) as phone:
            model = await lanes.chained.session()
            await phone.speak(5)
            await model.sent("input_audio_buffer.append", 5)
            asked = len(lanes.native.headers)
            async with in_call(lanes.stage):
                await lanes.chained.session()

        assert (await lanes.states())["native"] == state
        assert (asked, len(lanes.native.headers)) == (0, 0)

    async def test_in_the_middle_of_a_call_moves_it_with_its_conversation(self, lanes: TwoLanes) -> None:
        async with in_call(lanes.stage) as phone:
            native = await lanes.native.session()
            await native.sent("session.update")
            await native.hear("How do I reset my password?")
            await native.say("response.created", response={"id": "r"})
            details = {"type": "failed", "error": {"type": "insufficient_quota", "code": "insufficient_quota"}}
            await native.say("response.done", response={"id": "r", "status": "failed", "status_details": details})

            chained = await lanes.chained.session()
            await chained.sent("response.create")
            await chained.speak("Choose Forgot password.", mulaw(100))
            await phone.play_all("item_a1")

        assert "How do I reset my password?" in said(chained)
        assert counted("firstline_model_faults_total", lane="native", kind="unretryable", code="insufficient_quota")

    async def test_by_an_error_event_moves_it_too(self, lanes: TwoLanes) -> None:
        async with in_call(lanes.stage):
            native = await lanes.native.session()
            await native.sent("session.update")

            await native.say("error", error={"type": "invalid_request_error", "code": "account_deactivated"})

            await lanes.chained.session()
        assert (await lanes.states())["native"] == "open: account_deactivated"


class TestAShortLivedSecret:
    async def test_opens_the_session_in_the_keys_place(self) -> None:
        async with scripted_model() as model:
            link = ModelLink(_endpoint(model, _secret), b"{}", LinkWatcher())
            await model.session()
            link.close()

        assert model.headers[0]["authorization"] == "Bearer ek_1"

    async def test_that_is_refused_is_the_operators_business(self) -> None:
        lost: asyncio.Future[Fault] = asyncio.get_running_loop().create_future()
        async with scripted_model() as model:
            ModelLink(_endpoint(model, _no_secret), b"{}", LinkWatcher()).attach(lambda _: None, lost.set_result)
            fault = await asyncio.wait_for(lost, 10)

        assert (fault.kind, fault.code) == (Kind.UNRETRYABLE, "insufficient_quota")
        assert model.headers == []

    async def test_that_the_socket_asked_itself_answers_the_call_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(model_link, "LOOK_EVERY", 0.1)
        alive = asyncio.Event()
        async with scripted_model() as model:
            link = ModelLink(_endpoint(model, _secret), session_update(CONFIG), LinkWatcher())
            link.attach(lambda _: None, lambda _: None, lambda answered: alive.set() if answered else None)
            await asyncio.wait_for(alive.wait(), 10)
            link.close()


def _endpoint(model: ScriptedModel, short_lived: Callable[[], Awaitable[str]]) -> ModelEndpoint:
    return ModelEndpoint(model.url, "gpt-realtime-2", "sk-never-sent", short_lived=short_lived)


async def _secret() -> str:
    return "ek_1"


async def _no_secret() -> str:
    raise Rejected("insufficient_quota")


class TestASessionThatBreaks:
    async def test_is_replaced_in_its_own_lane_first(self, lanes: TwoLanes) -> None:
        async with in_call(lanes.stage) as phone:
            native = await lanes.native.session()
            await native.sent("session.update")
            await phone.until("media")

            await native.socket.close(1011)

            again = await lanes.native.session()
            await again.sent("session.update")
        assert lanes.chained.sessions.empty()
        assert (await lanes.states())["native"] == "closed"

    async def test_goes_to_the_other_lane_when_its_own_does_not_come_back(
        self, lanes: TwoLanes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The server accepts, and never says that the session is ready."""
        monkeypatch.setattr(call_model, "ELSEWHERE_AFTER", 0.05)
        async with in_call(lanes.stage) as phone:
            native = await lanes.native.session()
            await native.sent("session.update")
            await phone.until("media")
            lanes.native.configures = False

            await native.socket.close(1011)

            chained = await lanes.chained.session()
            await phone.speak(5)
            await chained.sent("input_audio_buffer.append", 5)

    async def test_that_hangs_is_noticed_and_what_the_caller_said_meanwhile_is_not_lost(
        self, lanes: TwoLanes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its kernel acknowledges everything, and nobody answers a ping."""
        monkeypatch.setattr(model_link, "LOOK_EVERY", 0.05)
        async with in_call(lanes.stage) as phone:
            native = await lanes.native.session()
            await native.sent("session.update")
            await phone.until("media")

            native.socket.transport.pause_reading()
            await phone.speak(20)

            again = await lanes.native.session()
            await again.sent("input_audio_buffer.append", 20)
            native.socket.transport.abort()

    async def test_that_hangs_while_it_owes_an_answer_is_not_waited_for(
        self, lanes: TwoLanes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(model_link, "LOOK_EVERY", 0.02)
        monkeypatch.setattr(model_link, "GIVEN_UP_AT", 30_000)
        monkeypatch.setattr(pulse, "ASK_AFTER_MS", 50.0)
        monkeypatch.setattr(pulse, "ANSWER_WITHIN_MS", 200.0)
        async with in_call(lanes.stage) as phone:
            native = await lanes.native.session()
            await native.sent("session.update")
            await phone.until("media")
            await native.hear("How do I reset my password?")

            native.socket.transport.pause_reading()

            again = await lanes.native.session()
            await again.sent("response.create")
            assert "How do I reset my password?" in said(again)
            native.socket.transport.abort()

    async def test_that_is_only_slow_is_kept(self, lanes: TwoLanes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(model_link, "LOOK_EVERY", 0.02)
        monkeypatch.setattr(pulse, "ASK_AFTER_MS", 10.0)
        monkeypatch.setattr(pulse, "ANSWER_WITHIN_MS", 200.0)
        asked, ping = asyncio.Queue[None](), ModelLink.ping

        def noted(link: ModelLink) -> None:
            asked.put_nowait(None)
            ping(link)

        monkeypatch.setattr(ModelLink, "ping", noted)
        async with in_call(lanes.stage) as phone:
            native = await lanes.native.session()
            await native.sent("session.update")
            await phone.until("media")
            await native.hear("How do I reset my password?")
            for _ in range(4):
                await asyncio.wait_for(asked.get(), 10)

            await native.speak("Choose Forgot password.", mulaw(100))

            await phone.until("media")
            assert lanes.native.sessions.empty()

    async def test_that_was_at_its_end_is_no_fault(self, lanes: TwoLanes) -> None:
        async with in_call(lanes.stage) as phone:
            for _ in range(6):
                native = await lanes.native.session()
                await native.sent("session.update")
                await native.socket.close(1001, "Your session hit the maximum duration of 60 minutes.")
            last = await lanes.native.session()
            await phone.speak(3)
            await last.sent("input_audio_buffer.append", 3)

        assert (await lanes.states())["native"] == "closed"

    async def test_three_times_sends_new_calls_to_the_other_lane(self, lanes: TwoLanes) -> None:
        async with in_call(lanes.stage):
            for _ in range(3):
                native = await lanes.native.session()
                await native.sent("session.update")
                await native.socket.close(1011)
            await lanes.chained.session()

            async with in_call(lanes.stage):
                await lanes.chained.session()

        assert (await lanes.states())["native"].startswith("open: closed_1011")


class TestRollOver:
    async def test_goes_over_to_another_session_between_two_turns(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The new one knows the conversation and is asked for nothing, so the phone hears nothing."""
        monkeypatch.setattr(call_model, "ROLL_OVER_LOOKS", 0.01)
        async with in_call(stage) as phone:
            first = await stage.model.session()
            await first.sent("session.update")
            await first.hear("How do I reset my password?")
            await first.speak("Choose Forgot password.", mulaw(100))
            monkeypatch.setattr(rollover, "ROLL_AFTER", 0.0)
            # The server says when its session ends, and the age is looked at anew.
            await first.say("session.created", session={"expires_at": 10**11})
            stage.model.configures = False
            await phone.play_all("item_a1")

            second = await stage.model.session()
            monkeypatch.setattr(rollover, "ROLL_AFTER", 3600.0)
            await second.say("session.updated", session={})
            async with asyncio.timeout(10):
                await first.socket.wait_closed()
            await phone.speak(10)
            await second.sent("input_audio_buffer.append", 10)

        assert "Choose Forgot password." in said(second)
        assert second.count("response.create") == 0
