"""The simulated carrier: places calls, rings people, runs each leg to its end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from firstline.simulators.events import EventLog
from firstline.simulators.phone import Answer, Script
from firstline.simulators.twilio_call import FINAL, Detection, FromUrl, Leg, Source, StatusCallback
from firstline.simulators.twilio_conference import Conferences
from firstline.simulators.twilio_exchange import Exchange, Speaker, hum
from firstline.simulators.twilio_interpreter import Interpreter
from firstline.simulators.twilio_twiml import BadTwiml
from firstline.simulators.twilio_webhooks import Callbacks, WebhookFailed, Webhooks

_DETECTION_S = 0.5
"""How long answering-machine detection takes here; Twilio needs seconds."""


class Carrier:
    """One Twilio account and the people who can be rung."""

    def __init__(self, account_sid: str, auth_token: str, speak: Speaker = hum) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.legs: dict[str, Leg] = {}
        self._people: dict[str, list[Script]] = {}
        webhooks = Webhooks(auth_token)
        callbacks = Callbacks(webhooks)
        self.exchange = Exchange(webhooks, callbacks, Conferences(account_sid, callbacks), speak)
        self._tasks: set[asyncio.Task[None]] = set()

    def set_person(self, number: str, scripts: list[Script]) -> None:
        """How a number behaves: one script a call, the last one for ever after."""
        self._people[number] = list(scripts)

    def place_inbound(
        self,
        from_: str,
        to: str,
        voice_url: str,
        script: Script,
        *,
        fallback_url: str = "",
        status_callback: str = "",
        geography: dict[str, str] | None = None,
    ) -> Leg:
        """Somebody phones a number of the account, whose voice webhook is `voice_url`."""
        leg = Leg(
            self.account_sid,
            to,
            from_,
            "inbound",
            script,
            FromUrl(voice_url),
            EventLog(),
            self.exchange.callbacks,
            fallback_url=fallback_url,
            status_callback=StatusCallback(status_callback),
            geography=geography or {},
        )
        return self._start(leg, self._receive(leg))

    def dial(
        self,
        to: str,
        from_: str,
        source: Source,
        *,
        fallback_url: str = "",
        status_callback: StatusCallback | None = None,
        detection: Detection | None = None,
        ring_seconds: float = 60,
    ) -> Leg:
        """The account rings a number."""
        leg = Leg(
            self.account_sid,
            to,
            from_,
            "outbound-api",
            self._script(to),
            source,
            EventLog(),
            self.exchange.callbacks,
            fallback_url=fallback_url,
            status_callback=status_callback or StatusCallback(),
            detection=detection or Detection(),
            ring_seconds=ring_seconds,
        )
        return self._start(leg, self._ring(leg))

    async def aclose(self) -> None:
        """Drop every call and stop."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.exchange.callbacks.aclose()
        await self.exchange.webhooks.aclose()

    def _script(self, number: str) -> Script:
        scripts = self._people.get(number) or [Script()]
        return scripts.pop(0) if len(scripts) > 1 else scripts[0]

    def _start(self, leg: Leg, life: Coroutine[Any, Any, None]) -> Leg:
        self.legs[leg.sid] = leg
        leg.events.add("created", sid=leg.sid, direction=leg.direction)
        self._spawn(self._live(leg, life))
        return leg

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _live(self, leg: Leg, life: Coroutine[Any, Any, None]) -> None:
        try:
            await life
        finally:
            if leg.status not in FINAL:
                leg.become("completed" if leg.started else "failed", "completed")
            leg.events.close()

    async def _receive(self, leg: Leg) -> None:
        leg.become("ringing")
        interpreter = Interpreter(leg, self.exchange)
        first = await interpreter.fetch(leg.source)
        if first.verbs and first.verbs[0].name == "Reject":
            leg.become("busy" if first.verbs[0].get("reason") == "busy" else "no-answer", "completed")
        else:
            await self._converse(leg, interpreter.run(first), interpreter)

    async def _ring(self, leg: Leg) -> None:
        leg.become("queued", "initiated")
        leg.become("ringing", "ringing")
        answers = leg.script.answer is not Answer.NEVER and leg.script.ring_ms / 1000 <= leg.ring_seconds
        wait = leg.script.ring_ms / 1000 if answers else leg.ring_seconds
        try:
            # Before the answer, only the REST API can end the call.
            await asyncio.wait_for(leg.line.hung_up.wait(), wait)
        except TimeoutError:
            await self._picked_up(leg, answers)
        else:
            leg.become("canceled", "completed")

    async def _picked_up(self, leg: Leg, answers: bool) -> None:
        if not answers:
            leg.become("no-answer", "completed")
        elif leg.script.answer is Answer.DECLINES:
            leg.become("busy", "completed")
        else:
            interpreter = Interpreter(leg, self.exchange)
            await self._converse(leg, self._answered(leg, interpreter), interpreter)

    async def _answered(self, leg: Leg, interpreter: Interpreter) -> None:
        if leg.detection.wanted:
            detecting = self._spawn(self._detect(leg))
            if not leg.detection.in_background:
                await detecting
        await interpreter.run(await interpreter.fetch(leg.source))

    async def _detect(self, leg: Leg) -> None:
        await asyncio.sleep(_DETECTION_S)
        leg.answered_by = "machine_start" if leg.script.machine else "human"
        leg.events.add("answered_by", answered_by=leg.answered_by)
        if leg.detection.in_background and leg.detection.callback:
            detail = {
                "AccountSid": leg.account_sid,
                "CallSid": leg.sid,
                "AnsweredBy": leg.answered_by,
                "MachineDetectionDuration": str(round(_DETECTION_S * 1000)),
            }
            leg.callbacks.post(leg.sid, leg.detection.callback, detail)

    async def _converse(self, leg: Leg, program: Coroutine[Any, Any, None], interpreter: Interpreter) -> None:
        """Run the line and the TwiML until either ends; a redirect replaces the TwiML."""
        leg.become("in-progress", "answered")
        clock = asyncio.create_task(leg.line.run())
        hung_up = asyncio.create_task(leg.line.hung_up.wait())
        try:
            while program_left := await self._until_redirected(leg, program, hung_up):
                leg.events.add("redirected")
                program = _redirect(interpreter, program_left)
        finally:
            for task in (clock, hung_up):
                task.cancel()
            await asyncio.gather(clock, hung_up, return_exceptions=True)
        # Last, after whatever the end of the call interrupted has been wound up.
        leg.become("completed", "completed")

    async def _until_redirected(
        self, leg: Leg, program: Coroutine[Any, Any, None], hung_up: "asyncio.Task[Any]"
    ) -> Source | None:
        """Where the REST API sent the leg; None when the call is over."""
        running = asyncio.create_task(program)
        redirect = asyncio.create_task(leg.redirects.get())
        try:
            await asyncio.wait({running, redirect, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if hung_up.done() or running.done():
                _report(leg, running)
                return None
            return redirect.result()
        finally:
            running.cancel()
            redirect.cancel()
            await asyncio.gather(running, redirect, return_exceptions=True)


async def _redirect(interpreter: Interpreter, source: Source) -> None:
    await interpreter.run(await interpreter.fetch(source))


def _report(leg: Leg, running: "asyncio.Task[None]") -> None:
    """Say why the program ended by itself."""
    if not running.done():
        return
    problem = running.exception()
    if isinstance(problem, BadTwiml | WebhookFailed):
        leg.events.add("error", code=12100, problem=str(problem))
    elif problem is not None:
        raise problem
    leg.hang_up("twiml", "end of TwiML")
