"""What the model is told in a language: the same for every call, so that its prompt cache serves all of them."""

from firstline.prompts import language_pack
from realtime_bridge.protocol.realtime import ModelSettings, SessionConfig
from realtime_bridge.protocol.replay import ResumeNotes
from realtime_bridge.tools.schemas import tool_schemas


def session_config(language: str, company: str, model: ModelSettings) -> SessionConfig:
    """Instructions, tools and sound; nothing of any one call. Raises `KeyError` for a language without a pack."""
    instructions = language_pack(language).instructions.format(company=company)
    return SessionConfig(f"{instructions}\nlanguage: {language}\n", tool_schemas(), language, model)


def resume_notes(language: str) -> ResumeNotes:
    """What a model is told that goes on with a conversation it did not begin."""
    pack = language_pack(language)
    return ResumeNotes(pack.re_anchor, pack.answer_now)
