"""Calls to try a `ports.Telephony` on, for each implementation."""

from typing import Any, Protocol

from firstline.adapters.twilio import TwilioTelephony
from firstline.ports import Telephony
from realtime_bridge.twiml import join_as_rep
from tests.fakes.telephony import FakeTelephony
from tests.simulators.phone_booth import ACCOUNT_SID, CALLER, LINE, REP, Booth
from tests.simulators.tiny_bridge import AUTH_TOKEN, TinyBridge

WITH_AGENT = "<Response><Enqueue>with-the-agent</Enqueue></Response>"


class TelephonyWorld(Protocol):
    """A telephony, and the phones."""

    @property
    def telephony(self) -> Telephony: ...

    async def live_caller(self) -> str:
        """Somebody who phoned in and talks to the agent; CallSid."""
        ...

    async def finished_caller(self) -> str:
        """Somebody who has hung up; CallSid."""
        ...

    async def rep_joins(self, call_sid: str) -> str:
        """A rep comes into this caller's conference; CallSid of their leg."""
        ...

    async def where(self, call_sid: str, place: str) -> list[str]:
        """Everybody in the conference or queue of that name, once this caller is there."""
        ...

    async def over(self, call_sid: str) -> bool:
        """Wait until the call has ended."""
        ...


class FakeTelephonyWorld:
    def __init__(self) -> None:
        self.telephony = FakeTelephony()

    async def live_caller(self) -> str:
        return self.telephony.begin(LINE, CALLER)

    async def finished_caller(self) -> str:
        sid = await self.live_caller()
        self.telephony.end(sid)
        return sid

    async def rep_joins(self, call_sid: str) -> str:
        sid = self.telephony.begin(REP, LINE)
        self.telephony.join(sid, call_sid)
        return sid

    async def where(self, call_sid: str, place: str) -> list[str]:
        assert self.telephony.calls[call_sid].where == place
        return [sid for sid, call in self.telephony.calls.items() if call.where == place]

    async def over(self, call_sid: str) -> bool:
        return not self.telephony.calls[call_sid].live


class TwilioWorld:
    """The real adapter; the simulated carrier; a bridge that only answers webhooks."""

    def __init__(self, booth: Booth, bridge: TinyBridge) -> None:
        self.telephony = TwilioTelephony(
            ACCOUNT_SID, AUTH_TOKEN, bridge.url, base_url=booth.url, failsafe_message="Hold."
        )
        self._booth, self._bridge = booth, bridge
        bridge.answers["/voice"] = WITH_AGENT

    async def live_caller(self) -> str:
        sid = await self._booth.call(f"{self._bridge.url}/voice")
        await self._booth.until(sid, "queue_joined")
        return sid

    async def finished_caller(self) -> str:
        sid = await self.live_caller()
        await self._booth.post(f"/sim/calls/{sid}/hangup", {})
        await self._booth.whole(sid)
        return sid

    async def rep_joins(self, call_sid: str) -> str:
        self._bridge.answers["/join"] = join_as_rep(call_sid)
        sid = await self._booth.call(f"{self._bridge.url}/join", hang_up="never")
        await self._booth.until(sid, "conference_joined")
        return sid

    async def where(self, call_sid: str, place: str) -> list[str]:
        async for event in self._booth.events(call_sid):
            if place in (event.get("queue"), event.get("name")) and event["event"].endswith("_joined"):
                break
        state = await self._booth.state()
        conferences = {c["name"]: c["participants"] for c in state["conferences"] if c["status"] != "completed"}
        everybody: dict[str, Any] = state["queues"] | conferences
        return list(everybody[place])

    async def over(self, call_sid: str) -> bool:
        events = await self._booth.whole(call_sid)
        return events[-1]["status"] in {"completed", "canceled"}
