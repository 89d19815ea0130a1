"""What every `ports_after_call.TraceView` does, and what Langfuse makes of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from firstline.adapters.langfuse import LangfuseAccount, LangfuseTraces
from firstline.adapters.langfuse_otlp import trace_id
from firstline.domain.call import Outcome
from firstline.domain.flags import Flag, FlagKind
from firstline.domain.turn import TurnAudio
from firstline.ports import CallRecord, PortError, Rejected
from firstline.ports_after_call import TraceView
from firstline.settings import LOCAL_LANGFUSE_KEYS
from tests.adapters.test_langfuse_observations import MODEL, answered
from tests.fakes.trace_view import FakeTraceView
from tests.simulators.phone_booth import Booth
from tests.simulators.published import Published
from tests.workflows.calls import CALLER, RANG_AT, started

WAV = b"RIFF" + bytes(range(256))


@dataclass
class World:
    """A view and how many calls people see in it."""

    view: TraceView
    booth: Booth | None

    async def shown(self) -> int:
        if isinstance(self.view, FakeTraceView):
            return len(self.view.shown)
        assert self.booth is not None
        return len((await self.booth.http.get("/sim/traces")).json()["traces"])


def langfuse(booth: Booth, secret: str = LOCAL_LANGFUSE_KEYS[1]) -> LangfuseTraces:
    account = LangfuseAccount(f"{booth.url}/langfuse", LOCAL_LANGFUSE_KEYS[0], secret)
    return LangfuseTraces(account, model=MODEL, environment="local", release="1.2.3")


def record(sid: str = "CA1") -> CallRecord:
    turn = replace(answered(), audio=TurnAudio("a/caller.wav", "a/agent.wav"), caller_text=f"Call me at {CALLER}")
    flags = [Flag(FlagKind.LOW_CONFIDENCE, 1, "confidence 0.62")]
    return CallRecord(started(sid), RANG_AT.isoformat(), Outcome.RESOLVED, "en", [turn], [], flags=flags)


async def seen(booth: Booth, sid: str = "CA1") -> Any:
    """The trace as Langfuse's API gives it out."""
    return (await booth.http.get(f"/langfuse/api/public/traces/{trace_id(sid)}", auth=LOCAL_LANGFUSE_KEYS)).json()


@pytest.fixture(params=["fake", "langfuse"])
async def world(request: pytest.FixtureRequest, booth: Booth) -> AsyncIterator[World]:
    if request.param == "fake":
        yield World(FakeTraceView(), None)
        return
    view = langfuse(booth)
    yield World(view, booth)
    await view.aclose()


@pytest.fixture
async def view(booth: Booth) -> AsyncIterator[LangfuseTraces]:
    view = langfuse(booth)
    yield view
    await view.aclose()


class TestTraceView:
    async def test_shows_a_call_once_however_often_it_is_sent(self, world: World) -> None:
        links = {await world.view.show(record(), {}) for _ in range(2)}

        assert await world.shown() == 1
        assert [link.endswith("/sessions/CA1") for link in links] == [True]

    async def test_forgets_the_calls_it_is_told_to_and_no_other(self, world: World) -> None:
        for sid in ("CA1", "CA2"):
            await world.view.show(record(sid), {})

        await world.view.forget(["CA1", "CA404"])

        assert await world.shown() == 1


class TestLangfuse:
    async def test_shows_the_call_with_its_turns_and_their_tools(self, booth: Booth, view: LangfuseTraces) -> None:
        await view.show(record(), {})

        trace = await seen(booth)
        turn = next(node for node in trace["observations"] if node["type"] == "GENERATION")
        assert trace["sessionId"] == "CA1"
        assert trace["tags"] == ["outcome:resolved", "language:en", "low_confidence"]
        assert (turn["model"], turn["level"], turn["timeToFirstToken"]) == ("gpt-realtime-2", "WARNING", 0.45)
        assert (turn["usageDetails"]["input_cached_tokens"], turn["costDetails"]) == (250, {"total": 0.0125})
        assert sorted(node["type"] for node in trace["observations"]) == ["AGENT", "GENERATION", "RETRIEVER", "TOOL"]

    async def test_learns_no_number_and_knows_a_caller_again(self, booth: Booth, view: LangfuseTraces) -> None:
        for sid in ("CA1", "CA2"):
            await view.show(record(sid), {})

        first, second = await seen(booth, "CA1"), await seen(booth, "CA2")
        assert CALLER.removeprefix("+") not in json.dumps([first, second])
        assert first["userId"] == second["userId"] != ""

    async def test_plays_what_both_sides_said_beside_their_words(self, booth: Booth, view: LangfuseTraces) -> None:
        await view.show(record(), {"a/caller.wav": WAV, "a/agent.wav": WAV + b"!"})

        turn = next(node for node in (await seen(booth))["observations"] if node["type"] == "GENERATION")
        media = turn["input"]["audio"].partition("id=")[2].partition("|")[0]
        told = await booth.http.get(f"/langfuse/api/public/media/{media}", auth=LOCAL_LANGFUSE_KEYS)
        assert (await booth.http.get(told.json()["url"])).content == WAV
        assert turn["output"]["audio"] != turn["input"]["audio"]

    async def test_gets_a_recording_once(self, booth: Booth, view: LangfuseTraces) -> None:
        await view.show(record(), {"a/agent.wav": WAV})
        await booth.post("/sim/faults", {"prefix": "/langfuse/storage", "status": 500})

        await view.show(record(), {"a/agent.wav": WAV})

    async def test_shows_a_call_without_the_recording_that_it_refuses(self, booth: Booth, view: LangfuseTraces) -> None:
        await booth.post("/sim/faults", {"prefix": "/langfuse/api/public/media", "status": 413})

        await view.show(record(), {"a/agent.wav": WAV})

        turn = next(node for node in (await seen(booth))["observations"] if node["type"] == "GENERATION")
        assert turn["output"] == "Open settings."

    @pytest.mark.parametrize("prefix", ["/langfuse/api/public/otel", "/langfuse/storage", "/langfuse/api/public/media"])
    async def test_in_trouble_is_worth_a_retry(self, booth: Booth, view: LangfuseTraces, prefix: str) -> None:
        await booth.post("/sim/faults", {"prefix": prefix, "status": 503})

        with pytest.raises(PortError, match="503") as caught:
            await view.show(record(), {"a/agent.wav": WAV})

        assert not isinstance(caught.value, Rejected)
        await view.show(record(), {"a/agent.wav": WAV})
        assert (await seen(booth))["id"] == trace_id("CA1")

    async def test_that_does_not_know_us_says_so(self, booth: Booth) -> None:
        stranger = langfuse(booth, "wrong")

        with pytest.raises(Rejected, match="401"):
            await stranger.show(record(), {})
        await stranger.aclose()

    async def test_that_is_not_there_is_worth_a_retry(self) -> None:
        account = LangfuseAccount("http://127.0.0.1:1", "pk", "sk")
        nowhere = LangfuseTraces(account, model=MODEL, environment="local", release="1")

        with pytest.raises(PortError, match="could not be reached"):
            await nowhere.show(record(), {})
        await nowhere.aclose()

    def test_in_the_clear_is_refused(self) -> None:
        with pytest.raises(Rejected, match="https://"):
            LangfuseTraces(LangfuseAccount("http://x.example", "pk", "sk"), model=MODEL, environment="e", release="1")


class TestPublishedShapes:
    async def test_of_traces_recordings_and_deletions(self, booth: Booth, view: LangfuseTraces) -> None:
        spec = Published("langfuse.yml")
        await view.show(record(), {"a/agent.wav": WAV})
        media = {"traceId": "t", "contentType": "audio/wav", "contentLength": 1, "sha256Hash": "AAAA", "field": "input"}
        ask = booth.http.request

        trace = await seen(booth)
        promised = await ask("POST", "/langfuse/api/public/media", json=media, auth=LOCAL_LANGFUSE_KEYS)
        turn = next(node for node in trace["observations"] if node["type"] == "GENERATION")
        kept = turn["output"]["audio"].partition("id=")[2].partition("|")[0]
        found = await ask("GET", f"/langfuse/api/public/media/{kept}", auth=LOCAL_LANGFUSE_KEYS)
        gone = await ask("DELETE", "/langfuse/api/public/traces", json={"traceIds": []}, auth=LOCAL_LANGFUSE_KEYS)

        spec.check(media, spec.document["components"]["schemas"]["GetMediaUploadUrlRequest"])
        spec.check(trace, spec.response("/api/public/traces/{traceId}", "get", "200"))
        spec.check(promised.json(), spec.response("/api/public/media", "post", "200"))
        spec.check(found.json(), spec.response("/api/public/media/{mediaId}", "get", "200"))
        spec.check(gone.json(), spec.response("/api/public/traces", "delete", "200"))
