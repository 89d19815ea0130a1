"""The voice for what is spoken outside the model."""

import asyncio
from collections.abc import AsyncIterator

from firstline.domain.language import SUPPORTED
from firstline.ports import Voice
from firstline.settings import Settings
from firstline.speech.models import load_piper, voice_file
from firstline.speech.speak import LocalSpeaker, SpeakerVoice
from workers import wiring_speech


class VoiceOnDemand:
    """`ports.Voice`, loaded when something has to be spoken: phrases that are stored already need none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loading: asyncio.Task[Voice] | None = None

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        """G.711 µ-law, 8 kHz mono, in pieces as they are made."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(voice, self._settings))
        async for piece in (await self._loading).stream(text, language):
            yield piece


def voice(settings: Settings) -> Voice:
    """The voice that pre-renders phrases; blocks for a second or two. Raises `ModelFileError`."""
    local = LocalSpeaker({SUPPORTED[0]: load_piper(voice_file(settings.piper_voice), threads=1)})
    return SpeakerVoice(wiring_speech.speaker(settings, local))
