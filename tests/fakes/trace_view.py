"""Calls in a dictionary."""

from collections.abc import Collection, Mapping

from firstline.ports import CallRecord


class FakeTraceView:
    """What is shown, by CallSid: the record and how many recordings came with it."""

    def __init__(self) -> None:
        self.shown: dict[str, tuple[CallRecord, int]] = {}

    async def show(self, record: CallRecord, audio: Mapping[str, bytes]) -> str:
        self.shown[record.start.call_sid] = (record, len(audio))
        return f"https://traces.example/sessions/{record.start.call_sid}"

    async def forget(self, call_sids: Collection[str]) -> None:
        for sid in call_sids:
            self.shown.pop(sid, None)
