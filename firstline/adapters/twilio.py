"""Telephony by Twilio's REST API, through its own SDK (in a thread: the SDK blocks). Retries are Temporal's."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import requests
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance

from firstline.adapters.twilio_http import TwilioHttp
from firstline.adapters.twilio_twiml import failsafe_queue, hold_in_conference, rep_brief, webhook
from firstline.domain.callback import DialStatus
from firstline.domain.orphans import LiveCall
from firstline.names import conference_name
from firstline.ports import CallbackDial, DialTurns, PortError, Rejected, RepCall

_TIMEOUT_S = 4.0
_OVER = {21220, 20404}
"""Twilio's codes for a call that is not in progress, and for one it does not know (any more)."""
_CUT_OFF_S = 1
"""Nobody picks up, hears a greeting and hangs up within so many seconds: the TwiML failed."""
_LIVE = ("queued", "ringing", "in-progress")
_DIALLED = {
    "in-progress": DialStatus.ANSWERED,
    "completed": DialStatus.ANSWERED,
    "busy": DialStatus.BUSY,
    "no-answer": DialStatus.NO_ANSWER,
    "failed": DialStatus.FAILED,
    "canceled": DialStatus.FAILED,
}

FAILSAFE_MESSAGE = (
    "Everyone is helping other callers. Press 1 to be called back, or stay on the line, and the next free person will "
    "take your call."
)

T = TypeVar("T")


class TwilioTelephony:
    """`ports.Telephony`.

    `bridge_url` is where Twilio reaches the bridge's webhooks (`/twilio/…`); `base_url` is empty for Twilio's own API;
    `static_twiml_url` is asked when every bridge is away (empty: the bridge once more); without `turns` calls are
    placed as they come.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        bridge_url: str,
        *,
        base_url: str = "",
        static_twiml_url: str = "",
        failsafe_message: str = FAILSAFE_MESSAGE,
        turns: DialTurns | None = None,
    ) -> None:
        self._http = TwilioHttp(base_url, _TIMEOUT_S)
        self._client = Client(account_sid, auth_token, http_client=self._http)
        self._bridge_url = bridge_url
        self._static_twiml_url = static_twiml_url
        self._failsafe_message = failsafe_message
        self._turns = turns

    async def move_to_conference(self, call_sid: str) -> None:
        """Looks first whether the caller is there: a second move would take them out and back in."""
        twiml = hold_in_conference(self._bridge_url, call_sid)

        def move() -> None:
            if call_sid not in self._participants(call_sid):
                self._client.calls(call_sid).update(twiml=twiml)

        await _in_thread(move)

    async def move_to_failsafe(self, call_sid: str) -> None:
        """A repeat sends the caller to the end of the queue again, which is a wait and no loss."""
        twiml = failsafe_queue(self._bridge_url, self._failsafe_message)
        await _in_thread(lambda: self._client.calls(call_sid).update(twiml=twiml))

    async def in_conference(self, call_sid: str) -> Sequence[str]:
        """Two questions: which conference has the name and goes on, and who is in it. Nobody when there is none."""
        return await _in_thread(lambda: self._participants(call_sid))

    async def ring_rep(self, call: RepCall) -> str:
        """Not idempotent in itself: whoever retries asks `find_live` first."""
        query = {"handoff": call.call_sid, "rep": call.rep_number}
        return await self._place(
            lambda: self._client.calls.create(
                to=call.rep_number,
                from_=call.from_number,
                twiml=rep_brief(self._bridge_url, call.call_sid, call.rep_number, call.brief),
                # A key that went to a bridge as it died is asked for again: the rep is there, and so is the caller.
                fallback_url=webhook(self._bridge_url, "rep-again", **query),
                status_callback=webhook(self._bridge_url, "rep-status", **query),
                status_callback_event=["completed"],
                timeout=call.ring_seconds,
            )
        )

    async def dial_callback(self, dial: CallbackDial) -> str:
        """Not idempotent in itself: whoever retries asks `find_since` first."""
        promised = dial.promised_in
        voice = webhook(self._bridge_url, "voice", callback=promised, language=dial.language)
        return await self._place(
            lambda: self._client.calls.create(
                to=dial.to_number,
                from_=dial.from_number,
                url=voice,
                # Somebody has picked up: a bridge that died while it was asked must not end the call.
                fallback_url=self._static_twiml_url or voice,
                machine_detection="Enable",
                async_amd="true",
                async_amd_status_callback=webhook(self._bridge_url, "amd", callback=promised),
                status_callback=webhook(self._bridge_url, "callback-status", callback=promised),
                status_callback_event=["answered", "completed"],
            )
        )

    async def find_live(self, to_number: str, from_number: str) -> str | None:
        """One question a status, for Twilio filters by one."""

        def find() -> str | None:
            for status in _LIVE:
                found = self._client.calls.list(to=to_number, from_=from_number, status=status, limit=1)
                if found:
                    return str(found[0].sid)
            return None

        return await _in_thread(find)

    async def dial_status(self, call_sid: str) -> DialStatus | None:
        """From the call itself, for when its status callback did not get through."""
        call = await _in_thread(lambda: self._client.calls(call_sid).fetch())
        answered_by = call.answered_by or ""
        if answered_by.startswith("machine") or answered_by == "fax":
            return DialStatus.MACHINE
        if call.status == "completed" and int(call.duration or 0) <= _CUT_OFF_S:
            return DialStatus.CUT_OFF
        return DialStatus.HUMAN if answered_by == "human" else _DIALLED.get(str(call.status))

    async def find_since(self, to_number: str, from_number: str, since: datetime) -> str | None:
        """Twilio filters by the start, which a call that still waits in its queue lacks: those are looked up first."""
        live = await self.find_live(to_number, from_number)
        if live is not None:
            return live

        def find() -> str | None:
            calls = self._client.calls.list(to=to_number, from_=from_number, start_time_after=since, limit=20)
            return next((str(call.sid) for call in calls if call.date_created >= since), None)

        return await _in_thread(find)

    async def live_calls(self, number: str) -> Sequence[LiveCall]:
        """One question a status and a direction, for Twilio filters by one each."""

        def find() -> list[LiveCall]:
            return [
                LiveCall(str(call.sid), str(call.to), str(call._from), call.status == "in-progress")
                for status in _LIVE
                for side in ({"to": number}, {"from_": number})
                for call in self._client.calls.list(status=status, **side)
            ]

        return await _in_thread(find)

    async def hang_up(self, call_sid: str) -> None:
        """A call that is over or unknown stays so."""

        def end() -> None:
            try:
                self._client.calls(call_sid).update(status="completed")
            except TwilioException as error:
                if getattr(error, "code", None) not in _OVER:
                    raise

        await _in_thread(end)

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._http.session.close)

    async def _place(self, create: Callable[[], CallInstance]) -> str:
        """CallSid of a new call, placed when it is its turn."""
        if self._turns is not None:
            await self._turns.wait()
        return str((await _in_thread(create)).sid)

    def _participants(self, call_sid: str) -> list[str]:
        for conference in self._client.conferences.list(friendly_name=conference_name(call_sid), limit=20):
            if conference.status != "completed":
                participants = self._client.conferences(conference.sid).participants.list()
                return [str(participant.call_sid) for participant in participants]
        return []


async def _in_thread(ask: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(ask)
    except TwilioException as error:
        raise _translated(error) from error
    except requests.RequestException as error:
        raise PortError(f"Twilio could not be reached: {type(error).__name__}") from error


def _translated(error: TwilioException) -> PortError:
    status, code = _status_and_code(error)
    if status is None:
        return PortError(f"the Twilio SDK failed: {type(error).__name__}")
    # The message is Twilio's and may repeat a number: the codes say as much.
    text = f"Twilio answered {status}, code {code}, https://www.twilio.com/docs/errors/{code}"
    if 400 <= status < 500 and status != 429:
        return Rejected(text)
    return PortError(text)


def _status_and_code(error: TwilioException) -> tuple[int | None, int | None]:
    """HTTP status and Twilio's code. A failed list carries neither, only the response as its second argument."""
    if hasattr(error, "status"):
        return error.status, getattr(error, "code", None)
    response = error.args[1] if len(error.args) > 1 else None
    status = getattr(response, "status_code", None)
    try:
        return status, json.loads(response.text).get("code") if response is not None else None
    except (ValueError, AttributeError):
        return status, None
