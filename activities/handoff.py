"""The steps of a handoff: page, hold, ring, let go."""

from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.brief import reason_in_words
from firstline.domain.handoff import HandoffInput
from firstline.names import call_workflow_id, handoff_workflow_id
from firstline.ports import Page, Paging, RepCall, Telephony

PAGE_SUMMARY_MAX = 1024
REP_BUSY = "RepBusy"
"""Type of the error that says: this rep is in another call of ours."""

_DIALLING = "dialling"
_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_BRISK = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=4))

# A page is owed even when the pager is down for a while; nothing in the caller's way waits for it.
PAGE = Policy(
    start_to_close_timeout=timedelta(seconds=10), schedule_to_close_timeout=timedelta(hours=1), retry_policy=_PATIENT
)
# Someone is on the line: past these limits the saga goes on without the step.
MOVE = Policy(
    start_to_close_timeout=timedelta(seconds=5), schedule_to_close_timeout=timedelta(seconds=15), retry_policy=_BRISK
)
FAILSAFE = Policy(
    start_to_close_timeout=timedelta(seconds=5), schedule_to_close_timeout=timedelta(minutes=2), retry_policy=_BRISK
)
RING = Policy(
    start_to_close_timeout=timedelta(seconds=8),
    schedule_to_close_timeout=timedelta(seconds=20),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_attempts=3),
)
HANG_UP = Policy(
    start_to_close_timeout=timedelta(seconds=5), schedule_to_close_timeout=timedelta(seconds=30), retry_policy=_BRISK
)
# The caller may be alone: when the carrier does not say in time, nobody is taken to have come.
JOINED = Policy(
    start_to_close_timeout=timedelta(seconds=5), schedule_to_close_timeout=timedelta(seconds=20), retry_policy=_BRISK
)
REPS = Policy(start_to_close_timeout=timedelta(seconds=5))


class HandoffActivities:
    """What a handoff does to the world.

    `reps` are E.164 numbers in order of escalation. `link_base` is put before `/call-<CallSid>` to link a page to the
    call, without a trailing slash.
    """

    def __init__(self, paging: Paging, telephony: Telephony, reps: list[str], link_base: str) -> None:
        self._paging = paging
        self._telephony = telephony
        self._reps = reps
        self._link_base = link_base.rstrip("/")

    @activity.defn
    async def page_on_call(self, handoff: HandoffInput) -> None:
        """Page whoever is on call.

        Idempotent by dedup key, which is the handoff workflow's id: a repeat adds to the same incident. Retried for an
        hour; a refused page is not retried.
        """
        request, decision = handoff.request, handoff.decision
        page = Page(
            dedup_key=handoff_workflow_id(request.call_sid),
            summary=f"Caller waiting, {reason_in_words(decision)}: {request.summary}"[:PAGE_SUMMARY_MAX],
            source="firstline",
            link=f"{self._link_base}/{call_workflow_id(request.call_sid)}",
            details={"why": decision.why, "language": request.language, "passages": " ".join(request.chunk_ids)},
        )
        with rejection_is_final():
            await self._paging.trigger(page)

    @activity.defn
    async def resolve_page(self, call_sid: str) -> None:
        """Close the incident of this call's handoff. Idempotent: resolving a closed or unknown incident is harmless."""
        with rejection_is_final():
            await self._paging.resolve(handoff_workflow_id(call_sid))

    @activity.defn
    async def reps_on_call(self) -> list[str]:
        """Numbers to ring, in order. Reads only."""
        return list(self._reps)

    @activity.defn
    async def move_to_conference(self, call_sid: str) -> None:
        """Hold the caller. Idempotent: the conference is named after the call, and a caller in it stays in it.

        Refused, and not retried, when the call is over.
        """
        with rejection_is_final():
            await self._telephony.move_to_conference(call_sid)

    @activity.defn
    async def move_to_failsafe(self, call_sid: str) -> None:
        """Put the caller into the failsafe queue. Idempotent: there is one queue, and the caller is in it once.

        Refused, and not retried, when the call is over.
        """
        with rejection_is_final():
            await self._telephony.move_to_failsafe(call_sid)

    @activity.defn
    async def ring_rep(self, call: RepCall) -> str:
        """Ring a rep and return the CallSid of the leg. Three attempts within 20 s.

        The carrier has no idempotency key, so every attempt looks first. A live leg found before this step has dialled
        is the rep's other call: they are busy, and are not rung. One found after it has was dialled by an attempt whose
        answer was lost: it is taken over, not dialled again. The heartbeat remembers how far an attempt came.
        """
        with rejection_is_final():
            live = await self._telephony.find_live(call.rep_number, call.from_number)
            if live is None:
                activity.heartbeat(_DIALLING)
                return await self._telephony.ring_rep(call)
        if _DIALLING not in activity.info().heartbeat_details:
            raise ApplicationError("the rep is in another call", type=REP_BUSY, non_retryable=True)
        return live

    @activity.defn
    async def legs_with_caller(self, call_sid: str) -> list[str]:
        """CallSids of the legs that are in the conference besides the caller's. Reads only.

        Asked when no join was heard of a rep who accepted; a failed attempt is repeated within 20 s.
        """
        with rejection_is_final():
            return [leg for leg in await self._telephony.in_conference(call_sid) if leg != call_sid]

    @activity.defn
    async def hang_up(self, call_sid: str) -> None:
        """End a rep's leg. Idempotent: ending a call that is over is harmless."""
        with rejection_is_final():
            await self._telephony.hang_up(call_sid)
