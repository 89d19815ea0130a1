"""Finished calls in a dictionary."""

from firstline.ports import CallRecord


class FakeReadModel:
    """The last record of every call, and its trace's link, by CallSid."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[CallRecord, str]] = {}

    async def save_call(self, record: CallRecord, trace_url: str) -> None:
        self.calls[record.start.call_sid] = (record, trace_url)
