"""What the agent is told and what it says outside the model, one file a language."""

import hashlib
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any

from firstline.domain.language import SUPPORTED


@dataclass(frozen=True)
class LanguagePack:
    """One language's words. `{company}`, `{topic}`, `{at}`, `{why}` and `{digits}` are filled in when used."""

    code: str
    instructions: str
    """System instructions of the model."""
    greeting: str
    callback_greeting: str
    """Opens a call that we placed; nothing personal, a machine may be listening."""
    callback_greeting_topic: str
    still_here: str
    """Ends the silence after a stream broke and another took over."""
    re_anchor: str
    """Tells the model that the call goes on; a replayed conversation alone makes it introduce itself again."""
    answer_now: str
    """Added to `re_anchor` when the caller's last words have no answer yet."""
    fillers: tuple[str, ...]
    """Break a silence while the agent works; at most a second each, so that an answer behind one is not late."""
    getting_person: str
    """The agent gives up on itself: a person is asked for, and nobody has said yes."""
    no_person: str
    """The promise of a person could not be made; the line moves on to the failsafe queue."""
    still_there: str
    silence_goodbye: str
    limit_warning: str
    """One minute before a call's longest length, or near its highest cost."""
    limit_goodbye: str
    typed: str
    """Tells the model what the caller entered on the phone's keys."""
    handoff_accepted: str
    handoff_refused: str
    handoff_unavailable: str
    """The promise could not be made durable in time."""
    callback_booked: str
    callback_refused: str
    callback_open: str
    """Tells the model that the caller is owed a callback from an earlier call."""
    callback_cancelled: str
    callback_not_cancelled: str
    """It is being dialled already, or was kept meanwhile."""
    callback_none: str
    """There is none to cancel."""
    callback_topic: str
    """What a callback is about when nobody said."""
    callback_no_number: str
    """The caller's number is withheld."""
    callback_unclear: str
    """The time was not understood."""
    lookup_failed: str
    arguments_invalid: str
    """Tells the model (not the caller) that its tool call was malformed."""

    def prerendered(self, company: str) -> list[str]:
        """The phrases that are made into audio ahead of time."""
        greetings = [self.greeting.format(company=company), self.callback_greeting.format(company=company)]
        runtime = [self.getting_person, self.handoff_accepted, self.no_person, self.still_there]
        ends = [self.silence_goodbye, self.limit_warning, self.limit_goodbye]
        return [*greetings, self.still_here, *self.fillers, *runtime, *ends]


@cache
def language_pack(code: str) -> LanguagePack:
    """The pack of a supported language. Raises `KeyError` for another."""
    if code not in SUPPORTED:
        raise KeyError(f"language {code!r} has no pack; there are: {', '.join(SUPPORTED)}")
    text = (resources.files(__name__) / f"{code}.toml").read_text("utf-8")
    words = tomllib.loads(text)
    names = {field.name for field in fields(LanguagePack)} - {"code"}
    if set(words) != names:
        raise ValueError(f"{code}.toml: missing {sorted(names - set(words))}, unknown {sorted(set(words) - names)}")
    return LanguagePack(code=code, **{name: _stripped(value) for name, value in words.items()})


def _stripped(value: str | list[str]) -> Any:
    return value.strip() if isinstance(value, str) else tuple(each.strip() for each in value)


def phrase_key(code: str, text: str) -> str:
    """Where a phrase's pre-rendered audio (µ-law, 8 kHz) lies in the object store."""
    return f"phrases/{code}/{hashlib.sha256(text.encode()).hexdigest()[:16]}.ulaw"
