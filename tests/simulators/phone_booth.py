"""The simulators' control API, from a test's side."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.simulators.tiny_bridge import AUTH_TOKEN

ACCOUNT_SID = "AC" + "1" * 32
ROUTING_KEY = "test-routing-key"
CALLER, LINE, REP = "+12125550123", "+15550100100", "+15550100201"

Event = dict[str, Any]


class Booth:
    """Places simulated calls and looks at them."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http

    async def call(self, voice_url: str, *turns: bytes | dict[str, Any], **person: Any) -> str:
        """Phone in; returns the CallSid."""
        said = [base64.b64encode(turn).decode() if isinstance(turn, bytes) else turn for turn in turns]
        body = {"from": CALLER, "to": LINE, "voice_url": voice_url, "turns": said} | person
        return str((await self.post("/sim/calls", body))["sid"])

    async def ring(self, to: str, url: str) -> str:
        """The account's own call to a number, which asks `url` for TwiML; returns the CallSid."""
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
        form = {"To": to, "From": LINE, "Url": url}
        made = await self.http.post(path, data=form, auth=(ACCOUNT_SID, AUTH_TOKEN))
        return str(made.raise_for_status().json()["sid"])

    async def redirect(self, sid: str, twiml: str) -> None:
        """Move a live call, as the account would."""
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{sid}.json"
        (await self.http.post(path, data={"Twiml": twiml}, auth=(ACCOUNT_SID, AUTH_TOKEN))).raise_for_status()

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return (await self.http.post(path, json=body)).raise_for_status().json()

    async def person(self, number: str, *behaviours: dict[str, Any]) -> None:
        (await self.http.put(f"/sim/people/{number}", json=list(behaviours))).raise_for_status()

    async def state(self) -> Any:
        return (await self.http.get("/sim/state")).json()

    async def events(self, sid: str) -> AsyncIterator[Event]:
        """Live, from the beginning."""
        async with self.http.stream("GET", f"/sim/calls/{sid}/events") as response:
            async for line in response.aiter_lines():
                yield json.loads(line)

    async def until(self, sid: str, event: str, **values: Any) -> Event:
        """Wait for an event; fails when the call ends without it."""
        seen = []
        async for found in self.events(sid):
            seen.append(found["event"])
            if found["event"] == event and values.items() <= found.items():
                return found
        raise AssertionError(f"no {event} {values} among {seen}")

    async def whole(self, sid: str) -> list[Event]:
        """All events of a call, once it is over."""
        return [event async for event in self.events(sid)]
