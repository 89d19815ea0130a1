"""A transcriber that was told what to say."""

from firstline.ports import PortError


class FakeTranscription:
    """`ports.Transcription`; None breaks."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked: list[tuple[bytes, str]] = []

    async def words(self, recording: bytes, language: str) -> str:
        self.asked.append((recording, language))
        if self.text is None:
            raise PortError("the transcription server is down")
        return self.text
