"""The promise to ring back, as the model asks for it: booked, moved, cancelled, and what is then said."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from firstline.domain.call import CallStarted
from firstline.domain.callback import CallbackBooked, CallbackRequest, OpenCallback
from firstline.domain.phone import withheld
from firstline.names import UPDATE_DEADLINE
from firstline.ports import CallControl, PortError, Rejected
from firstline.prompts import LanguagePack, language_pack
from realtime_bridge.metrics import GATE_DECISIONS, TOOL_FAILURES
from realtime_bridge.tools.callback_time import resolve_when, spoken_time

log = structlog.get_logger()

_DEADLINE_S = UPDATE_DEADLINE.total_seconds()


class Spoken(Protocol):
    """What is known of the live call here."""

    @property
    def language(self) -> str: ...


@dataclass
class Callbacks:
    """What one caller is promised. Every method returns the tool's output; its `say` is for the caller."""

    start: CallStarted
    facts: Spoken
    control: CallControl
    zone: ZoneInfo
    owed: OpenCallback | None = None
    """A callback that was promised to the caller in an earlier call."""
    _booked: CallbackBooked | None = None
    """The one promised in this call, by this bridge."""

    async def schedule(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The tool `schedule_callback`; `arguments` fit its schema."""
        if arguments.get("action") == "cancel":
            return await self._cancel()
        pack, now = self._pack, datetime.now(UTC)
        if withheld(self.start.from_number):
            GATE_DECISIONS.labels("callback", "false").inc()
            return {"booked": False, "why": "the caller's number is withheld", "say": pack.callback_no_number}
        at = resolve_when(arguments.get("when", ""), now, self.zone)
        if at is None:
            return {"booked": False, "why": "the time was not understood", "say": pack.callback_unclear}
        request = CallbackRequest(
            call_sid=self.start.call_sid,
            # Never a number that the model names: a fooled model must not be able to have anybody else rung.
            phone=self.start.from_number,
            at=at.isoformat(),
            topic=arguments.get("topic") or (self.owed.topic if self.owed else pack.callback_topic),
            language=self.facts.language,
        )
        try:
            booked_at = await self._book(request)
        except Rejected as refusal:
            GATE_DECISIONS.labels("callback", "false").inc()
            return {"booked": False, "why": str(refusal), "say": pack.callback_refused.format(why=_reason(refusal))}
        except (PortError, TimeoutError):
            self._not_durable()
            return {"booked": False, "why": "the control plane did not answer", "say": pack.handoff_unavailable}
        GATE_DECISIONS.labels("callback", "true").inc()
        log.info("callback_booked", call_sid=self.start.call_sid, at=booked_at)
        say = pack.callback_booked.format(at=spoken_time(datetime.fromisoformat(booked_at), now, self.facts.language))
        return {"booked": True, "at": booked_at, "say": say}

    async def _book(self, request: CallbackRequest) -> str:
        """When it is booked for, ISO 8601. One that this number is owed already is moved: nobody is rung twice."""
        owed = self.owed
        # What was promised in this very call is moved by the call, which has to know it.
        if owed is not None and owed.phone == request.phone and owed.promised_in != request.call_sid:
            moved = replace(request, call_sid=owed.promised_in)
            async with asyncio.timeout(_DEADLINE_S):
                await self.control.move_callback(owed.callback_id, moved)
            return request.at
        self._booked = await self.control.request_callback(self.start, request, _DEADLINE_S)
        return self._booked.at

    async def _cancel(self) -> dict[str, Any]:
        """Everything that this number is still owed; said to be done only when it is durable."""
        pack = self._pack
        try:
            async with asyncio.timeout(_DEADLINE_S):
                owed = await self._all_owed()
                for callback_id in owed:
                    await self.control.cancel_callback(callback_id)
        except Rejected as refusal:
            log.info("callback_not_cancelled", call_sid=self.start.call_sid, why=str(refusal))
            return {"cancelled": False, "why": str(refusal), "say": pack.callback_not_cancelled}
        except (PortError, TimeoutError):
            self._not_durable()
            return {"cancelled": False, "why": "the control plane did not answer", "say": pack.handoff_unavailable}
        self.owed = self._booked = None
        if not owed:
            return {"cancelled": False, "why": "no callback is promised to this number", "say": pack.callback_none}
        log.info("callback_cancelled", call_sid=self.start.call_sid, callbacks=len(owed))
        return {"cancelled": True, "say": pack.callback_cancelled}

    async def _all_owed(self) -> list[str]:
        """Ids of the callbacks: what can be listed lags seconds behind what was promised in this call."""
        known = [self._booked.callback_id] if self._booked else []
        listed = await self.control.open_callbacks(self.start.from_number, _DEADLINE_S)
        return list(dict.fromkeys([*known, *(one.callback_id for one in listed)]))

    def _not_durable(self) -> None:
        TOOL_FAILURES.labels("schedule_callback", "unreachable").inc()
        log.warning("callback_not_durable", call_sid=self.start.call_sid)

    @property
    def _pack(self) -> LanguagePack:
        return language_pack(self.facts.language)


def _reason(refusal: Rejected) -> str:
    """What to say of "No callback was booked: that time has already passed": the caller knows the first half."""
    what, _, why = str(refusal).partition(": ")
    return why or what
