"""What the speech tests share: the models, loaded once, and callers made of Piper's own voice."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from piper.config import SynthesisConfig

from firstline.speech.audio import AudioFormat, encode, resample
from firstline.speech.engine import SpeechEngine
from firstline.speech.models import load_piper, voice_file
from firstline.speech.server import SpeechServer, serve

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "openai_realtime.json"


@pytest.fixture(scope="session")
def engine() -> Iterator[SpeechEngine]:
    """Real models."""
    engine = SpeechEngine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
async def server(engine: SpeechEngine) -> AsyncIterator[SpeechServer]:
    """A server on a free port of the loopback."""
    server = await serve(engine)
    yield server
    await server.close()


@pytest.fixture(scope="session")
def say() -> Callable[[str], bytes]:
    """Text -> a caller's speech, µ-law 8 kHz; without the voice's random variation, so the same in every run."""
    model = load_piper(voice_file("packaged:joe-us"), threads=2)
    config = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0, volume=0.7)

    @cache
    def speech(text: str) -> bytes:
        sound = np.concatenate([chunk.audio_float_array for chunk in model.synthesize(text, config)])
        return encode(resample(sound, model.config.sample_rate, AudioFormat.PCMU.rate), AudioFormat.PCMU)

    return speech


@pytest.fixture(scope="session")
def check_event() -> Callable[[dict[str, Any]], None]:
    """Raises unless a server event is valid by OpenAI's published description; checks nothing where that is absent."""
    if not SPEC.exists():
        return lambda event: None
    spec = json.loads(SPEC.read_text(encoding="utf-8"))
    # One validator for each event type: a failure then names the field, not "no branch of 45 matched".
    validators = {}
    for branch in spec["components"]["schemas"]["RealtimeServerEvent"]["anyOf"]:
        schema = spec["components"]["schemas"][branch["$ref"].rpartition("/")[2]]
        kind = schema["properties"]["type"].get("enum", [schema["properties"]["type"].get("const")])[0]
        validators[kind] = Draft202012Validator({**spec, "$ref": branch["$ref"]})

    def check(event: dict[str, Any]) -> None:
        assert event["type"] in validators, f"{event['type']} is no server event of the protocol"
        validators[event["type"]].validate(event)

    return check
