"""Making ready, before they are needed, the phrases that are spoken outside the model."""

from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.policy import Policy
from firstline.ports import ObjectStore, Rejected, Voice
from firstline.prompts import phrase_key

# A call does without: its own replica can still make the phrase when it is needed.
PREFETCH = Policy(
    start_to_close_timeout=timedelta(seconds=60),
    schedule_to_close_timeout=timedelta(minutes=3),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3),
)


@dataclass(frozen=True)
class Prefetched:
    """What a prefetch did, in phrases."""

    made: int = 0
    present: int = 0
    unavailable: list[str] = field(default_factory=list)
    """Languages that the voice does not speak."""


class PrefetchActivities:
    """Warms what a call may need in any supported language. `phrases`: language -> texts."""

    def __init__(self, voice: Voice, object_store: ObjectStore, phrases: dict[str, list[str]]) -> None:
        self._voice = voice
        self._object_store = object_store
        self._phrases = phrases
        # Keys known to be stored: a busy line would otherwise fetch every phrase once per call only to look.
        self._stored: set[str] = set()

    @activity.defn
    async def prefetch_languages(self) -> Prefetched:
        """Make and store the audio that is missing, for every supported language.

        Idempotent: a key names its text, and what is stored is skipped; an attempt goes on where the last one stopped.
        """
        made = present = 0
        unavailable: list[str] = []
        for language, texts in self._phrases.items():
            try:
                for text in texts:
                    fresh = await self._warm(language, text)
                    made, present = made + fresh, present + (not fresh)
            except Rejected:
                unavailable.append(language)
        return Prefetched(made, present, unavailable)

    async def _warm(self, language: str, text: str) -> bool:
        """Whether the phrase had to be made."""
        key = phrase_key(language, text)
        if key in self._stored:
            return False
        fresh = await self._object_store.get(key) is None
        if fresh:
            audio = b"".join([piece async for piece in self._voice.stream(text, language)])
            await self._object_store.put(key, audio)
        self._stored.add(key)
        return fresh
