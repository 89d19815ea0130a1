"""What the work after the call needs from the world, as protocols; the rules of `firstline.ports` hold here too."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firstline.domain.orphans import LiveCall
from firstline.domain.retention import KeptCall
from firstline.domain.review import FlagTally
from firstline.domain.slo import TurnCount
from firstline.ports import CallRecord

# --- tickets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TicketDraft:
    """A ticket to open. Labels hold no spaces."""

    summary: str
    """At most 255 characters."""
    paragraphs: list[str]
    labels: list[str]


@dataclass(frozen=True)
class Ticket:
    """A ticket that exists."""

    key: str
    """As people call it: SUP-17."""
    link: str


class Tickets(Protocol):
    """The team's tracker (Jira)."""

    async def find(self, label: str) -> Ticket | None:
        """The newest ticket with this label; one opened seconds ago may not be found yet."""
        ...

    async def open(self, draft: TicketDraft) -> Ticket:
        """Open a ticket. Not idempotent in itself: whoever retries asks `find` first."""
        ...

    async def add_label(self, key: str, label: str) -> None:
        """Label a ticket; harmless when it has the label. Raises `Rejected` when there is no such ticket."""
        ...


# --- the read model, asked --------------------------------------------------------------------------------------------


class CallStatistics(Protocol):
    """Counts over finished calls. Times are timezone-aware; `since` is included, `until` is not."""

    async def flag_tallies(self, since: datetime, until: datetime, examples: int) -> Sequence[FlagTally]:
        """Flags of the calls that rang in this time, by kind, the most frequent first, with the newest examples."""
        ...

    async def first_audio(self, since: datetime, until: datetime, slower_than_ms: float) -> TurnCount:
        """Turns that the agent answered in the calls that ended in this time, and the slow ones among them."""
        ...


class Survey(Protocol):
    """The monthly satisfaction sample and its scores."""

    async def deflected(self, since: datetime, until: datetime) -> Sequence[str]:
        """CallSids of the resolved calls that rang in this time, without those of the frozen evaluation set."""
        ...

    async def sample(self, month: str) -> Sequence[str]:
        """The month's sample as it was kept, by CallSid; empty when none was drawn."""
        ...

    async def keep_sample(self, month: str, call_sids: Sequence[str]) -> None:
        """Keep a sample; harmless when repeated."""
        ...

    async def keep_score(self, month: str, call_sid: str, score: int) -> None:
        """Keep a score, replacing an earlier one of this call."""
        ...


# --- calls in two places ----------------------------------------------------------------------------------------------


class LiveCalls(Protocol):
    """The carrier's view of what is live."""

    async def live_calls(self, number: str) -> Sequence[LiveCall]:
        """Every queued, ringing or live call to or from a number (E.164)."""
        ...


class OpenCalls(Protocol):
    """The control plane's view of what is live."""

    async def open_calls(self) -> Sequence[str]:
        """CallSids of the calls whose workflow waits for their end; may lag some seconds."""
        ...


# --- how long things are kept -----------------------------------------------------------------------------------------


class Retention(Protocol):
    """What the read model keeps of calls, and what must be kept."""

    async def held(self) -> Collection[str]:
        """CallSids under a legal hold, their own or their caller's."""
        ...

    async def hold(self, subject: str, why: str) -> None:
        """Keep a call (CallSid) or every call of a number (E.164); harmless when repeated."""
        ...

    async def release(self, subject: str) -> bool:
        """End a hold; False when there was none."""
        ...

    async def trace_moved(self, call_sid: str, trace_url: str) -> None:
        """Note where a call's trace lies now; harmless for a call that is not there."""
        ...

    async def forget_before(self, moment: datetime) -> int:
        """Delete the calls that rang before (timezone-aware) and are not held; returns how many."""
        ...

    async def calls_of(self, phone: str) -> Sequence[KeptCall]:
        """Every call from or to a caller's number (E.164)."""
        ...

    async def forget(self, call_sids: Collection[str]) -> int:
        """Delete these calls with their scores; returns how many were there."""
        ...


class CallerWorkflows(Protocol):
    """What the control plane remembers of a caller."""

    async def calls_of(self, phone: str) -> Sequence[KeptCall]:
        """Every call from a number (E.164) that the control plane still knows."""
        ...

    async def forget_caller(self, phone: str, kept: Collection[str]) -> tuple[int, list[str]]:
        """Delete a caller's closed workflows, but those of the calls `kept`; how many, and the ids of the open ones."""
        ...


# --- a view of finished calls ---------------------------------------------------------------------------------------


class TraceView(Protocol):
    """Where people look at calls beside the archive, which stays the truth (Langfuse)."""

    async def show(self, record: CallRecord, audio: Mapping[str, bytes]) -> str:
        """Show a call with its recordings, by object key; returns a link. Harmless when repeated: one call, one trace.

        Of whoever phoned it learns no number.
        """
        ...

    async def forget(self, call_sids: Collection[str]) -> None:
        """Show these calls no longer; harmless for calls that are not there."""
        ...
