"""A voice that hums."""

from collections.abc import AsyncIterator


class FakeVoice:
    """`ports.Voice`: 20 ms of tone for each word."""

    def __init__(self) -> None:
        self.spoken: list[tuple[str, str]] = []

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        self.spoken.append((language, text))
        for _ in text.split():
            yield b"\x20" * 160
