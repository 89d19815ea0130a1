"""A tracker in memory."""

from firstline.ports import Rejected
from firstline.ports_after_call import Ticket, TicketDraft


class FakeTickets:
    """`ports_after_call.Tickets`: every ticket by key, its labels as they stand."""

    def __init__(self) -> None:
        self.opened: dict[str, TicketDraft] = {}

    async def find(self, label: str) -> Ticket | None:
        found = [key for key, draft in self.opened.items() if label in draft.labels]
        return self._ticket(found[-1]) if found else None

    async def open(self, draft: TicketDraft) -> Ticket:
        if any(" " in label for label in draft.labels):
            raise Rejected("a label holds spaces")
        key = f"SUP-{len(self.opened) + 1}"
        self.opened[key] = TicketDraft(draft.summary, list(draft.paragraphs), list(draft.labels))
        return self._ticket(key)

    async def add_label(self, key: str, label: str) -> None:
        if key not in self.opened:
            raise Rejected("no such ticket")
        if label not in self.opened[key].labels:
            self.opened[key].labels.append(label)

    def _ticket(self, key: str) -> Ticket:
        return Ticket(key, f"https://tracker.example/browse/{key}")
