"""Calls that exist in one place only: at the carrier without a workflow, or as a workflow without a call."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LiveCall:
    """A call that the carrier has not ended."""

    call_sid: str
    to_number: str
    from_number: str
    talking: bool
    """Somebody picked up."""


@dataclass(frozen=True)
class Orphans:
    """CallSids, sorted."""

    calls: list[str] = field(default_factory=list)
    """Live at the carrier; no workflow keeps what was promised in them."""
    workflows: list[str] = field(default_factory=list)
    """Open workflows that wait for the end of a call which has ended."""

    def also_in(self, earlier: "Orphans") -> "Orphans":
        """What was an orphan then and still is: one look may have fallen between two moments of the same call."""
        return Orphans(sorted({*self.calls} & {*earlier.calls}), sorted({*self.workflows} & {*earlier.workflows}))

    def __bool__(self) -> bool:
        return bool(self.calls or self.workflows)


def find_orphans(live: Iterable[LiveCall], open_calls: Iterable[str], reps: Iterable[str]) -> Orphans:
    """Compare the two places.

    A rep's leg never has a workflow of its own, and a callback has one from the moment it is picked up.
    """
    live, known, colleagues = list(live), set(open_calls), set(reps)
    owed = {call.call_sid for call in live if call.talking and call.to_number not in colleagues}
    return Orphans(sorted(owed - known), sorted(known - {call.call_sid for call in live}))
