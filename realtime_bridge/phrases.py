"""Pre-rendered audio: what is spoken outside the model plays at once.

Three tiers: this process's memory, the object store that all processes share, and the voice that renders what neither
has. The key holds the language and a digest of the words, so a changed wording is never answered from a stale entry.
"""

import base64
from dataclasses import dataclass, field

import structlog

from firstline.domain.language import SUPPORTED
from firstline.ports import ObjectStore, Voice
from firstline.prompts import language_pack, phrase_key
from realtime_bridge.protocol.phrases import CallPhrases, Phrase
from realtime_bridge.protocol.twilio import MULAW_BYTES_PER_MS

log = structlog.get_logger()

PIECE_MS = 400
"""Length of one media frame of pre-rendered audio; a mark follows each."""


@dataclass
class PhraseBook:
    """The phrases of every supported language as base64 µ-law."""

    voice: Voice
    store: ObjectStore
    company: str
    _pieces: dict[str, list[str]] = field(default_factory=dict)
    _of_call: dict[str, CallPhrases] = field(default_factory=dict)

    async def warm(self) -> None:
        """Have every phrase in memory before the first call."""
        for code in SUPPORTED:
            for text in language_pack(code).prerendered(self.company):
                self._pieces[phrase_key(code, text)] = _pieces(await self._audio(code, text))

    async def _audio(self, code: str, text: str) -> bytes:
        key = phrase_key(code, text)
        audio = await self.store.get(key)
        if audio is None:
            audio = b"".join([piece async for piece in self.voice.stream(text, code)])
            await self.store.put(key, audio)
            log.info("phrase_rendered", language=code, ms=len(audio) // MULAW_BYTES_PER_MS)
        return audio

    def opening(self, code: str, *, callback: bool, resumed: bool = False) -> Phrase:
        """What a stream of this language begins with. Raises `KeyError` before `warm`."""
        pack = language_pack(code)
        greeting = pack.callback_greeting if callback else pack.greeting
        text = pack.still_here if resumed else greeting.format(company=self.company)
        return self._phrase(code, text)

    def of_call(self, code: str) -> CallPhrases:
        """What a call in this language may have to say outside the model, one for all its calls.

        Raises `KeyError` before `warm`.
        """
        if code not in self._of_call:
            self._of_call[code] = self._made(code)
        return self._of_call[code]

    def _made(self, code: str) -> CallPhrases:
        pack = language_pack(code)
        return CallPhrases(
            fillers=[self._phrase(code, text) for text in pack.fillers],
            getting_person=self._phrase(code, pack.getting_person),
            connecting=self._phrase(code, pack.handoff_accepted),
            no_person=self._phrase(code, pack.no_person),
            still_there=self._phrase(code, pack.still_there),
            silence_goodbye=self._phrase(code, pack.silence_goodbye),
            limit_warning=self._phrase(code, pack.limit_warning),
            limit_goodbye=self._phrase(code, pack.limit_goodbye),
            typed=pack.typed,
        )

    def _phrase(self, code: str, text: str) -> Phrase:
        return Phrase(text, self._pieces[phrase_key(code, text)])


def _pieces(audio: bytes) -> list[str]:
    size = PIECE_MS * MULAW_BYTES_PER_MS
    return [base64.b64encode(audio[at : at + size]).decode("ascii") for at in range(0, len(audio), size)]
