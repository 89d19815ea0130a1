"""Open workflows in a list."""

from collections.abc import Sequence


class FakeOpenCalls:
    """`ports_after_call.OpenCalls`: what a test says is open."""

    def __init__(self) -> None:
        self.sids: list[str] = []

    async def open_calls(self) -> Sequence[str]:
        return list(self.sids)
