"""Short-lived secrets by OpenAI's SDK, against the loopback's stand-in; the stand-in against OpenAI's description."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from firstline.adapters.openai_secrets import LIFETIME, RENEW_BEFORE, OpenAIClientSecrets
from firstline.ports import PortError, Rejected
from firstline.simulators.client_secrets import ClientSecrets
from tests.simulators.serving import serving
from tests.speech.conftest import SPEC


class World:
    """The stand-in, its clock, and the adapter that talks to it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.simulator = ClientSecrets("sk-test", lambda: self.now)

    @asynccontextmanager
    async def adapter(self, api_key: str = "sk-test") -> AsyncIterator[OpenAIClientSecrets]:
        async with serving(Starlette(routes=self.simulator.routes)) as url:
            adapter = OpenAIClientSecrets(api_key, "gpt-realtime-2", url, clock=lambda: self.now)
            yield adapter
            await adapter.aclose()


class TestASecret:
    async def test_opens_sessions_until_it_expires(self) -> None:
        world = World()
        async with world.adapter() as adapter:
            secret = await adapter.secret()

        opens = world.simulator.opens(secret)
        world.now += LIFETIME + 1
        assert (opens, world.simulator.opens(secret)) == (True, False)

    async def test_is_made_once_for_calls_that_come_together(self) -> None:
        world = World()
        async with world.adapter() as adapter:
            handed_out = await asyncio.gather(*(adapter.secret() for _ in range(5)))

        assert len(set(handed_out)) == len(world.simulator.made) == 1

    async def test_is_renewed_a_minute_before_its_end(self) -> None:
        world = World()
        async with world.adapter() as adapter:
            first = await adapter.secret()
            world.now += LIFETIME - RENEW_BEFORE + 1
            second = await adapter.secret()

        assert first != second

    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [(401, "invalid_api_key", Rejected), (429, "insufficient_quota", Rejected), (500, "server_error", PortError)],
    )
    async def test_that_is_refused_says_whether_a_retry_helps(
        self, status: int, code: str, kind: type[PortError]
    ) -> None:
        world = World()
        world.simulator.failures.append((status, code))
        async with world.adapter() as adapter:
            with pytest.raises(PortError) as refused:
                await adapter.secret()

        assert type(refused.value) is kind
        assert str(refused.value) == code


@pytest.mark.skipif(not SPEC.exists(), reason="OpenAI's description of the API is not at hand")
class TestTheStandIn:
    def schema(self, name: str) -> Draft202012Validator:
        document = json.loads(SPEC.read_text("utf-8"))
        return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})

    async def test_answers_as_openai_describes(self) -> None:
        app = Starlette(routes=ClientSecrets().routes)
        body: dict[str, Any] = {
            "expires_after": {"anchor": "created_at", "seconds": 600},
            "session": {"type": "realtime", "model": "gpt-realtime-2"},
        }
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://openai") as http:
            headers = {"Authorization": "Bearer sk"}
            answer = await http.post("/realtime/client_secrets", json=body, headers=headers)

        self.schema("RealtimeCreateClientSecretRequest").validate(body)
        self.schema("RealtimeCreateClientSecretResponse").validate(answer.json())

    @pytest.mark.parametrize(
        "change", [{"seconds": 5}, {"seconds": 9000}, {"anchor": "now"}], ids=["too short", "too long", "elsewhere"]
    )
    async def test_refuses_what_openai_refuses(self, change: dict[str, Any]) -> None:
        app = Starlette(routes=ClientSecrets().routes)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://openai") as http:
            headers = {"Authorization": "Bearer sk"}
            answer = await http.post("/realtime/client_secrets", json={"expires_after": change}, headers=headers)

        assert answer.status_code == 400
