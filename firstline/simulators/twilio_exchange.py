"""What the legs of one account share: webhooks, conferences, queues, a voice."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from firstline.simulators.mulaw import babble
from firstline.simulators.sound import load_sound
from firstline.simulators.twilio_call import Leg
from firstline.simulators.twilio_conference import Conferences
from firstline.simulators.twilio_webhooks import Callbacks, Webhooks

Speaker = Callable[[str, str], AsyncIterator[bytes]]
"""(text, language) -> µ-law pieces, 8 kHz."""

_MS_PER_CHARACTER = 60
"""Speaking takes about this long, for a voice that only hums."""


async def hum(text: str, language: str) -> AsyncIterator[bytes]:
    """The voice of a carrier without a synthesiser: as long as speech, without words."""
    yield babble(max(300, len(text) * _MS_PER_CHARACTER))


@dataclass
class Exchange:
    """Shared by all legs."""

    webhooks: Webhooks
    callbacks: Callbacks
    conferences: Conferences
    speak: Speaker = hum
    queues: dict[str, list[str]] = field(default_factory=dict)
    """Queue name -> CallSids, in order of arrival."""

    @contextmanager
    def queued(self, leg: Leg, name: str) -> Iterator[None]:
        """The leg waits in the queue for the length of the block."""
        waiting = self.queues.setdefault(name, [])
        waiting.append(leg.sid)
        leg.events.add("queue_joined", queue=name, position=len(waiting))
        try:
            yield
        finally:
            waiting.remove(leg.sid)
            leg.events.add("queue_left", queue=name)

    async def load(self, url: str) -> bytes:
        """µ-law bytes of a sound file by URL; none when it cannot be had."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            try:
                response = (await client.get(url)).raise_for_status()
            except httpx.HTTPError:
                return b""
        return load_sound(response.content)
