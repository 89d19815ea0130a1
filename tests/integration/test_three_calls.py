"""The demo's three calls over everything real: Temporal, Postgres, models, sockets; only the carrier is simulated.

The calls are placed at the same time, so that the suite waits for the longest (a callback in one minute) and not for
their sum.
"""

import asyncio
import io
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import jiwer
import pytest
import soundfile
from rich.console import Console
from temporalio.client import Client

from firstline.adapters.langfuse_otlp import trace_id
from firstline.settings import LOCAL_LANGFUSE_KEYS, Settings
from firstline.speech.audio import MODEL_RATE, resample
from firstline.speech.models import load_whisper, whisper_folder
from workers.demo import Demo, Scene, scenes
from workers.phone_call import CallReport, Phone
from workers.ports_in_use import free_port
from workers.up import running_stack
from workers.voices import VoiceOnDemand

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

_PORTS = ("PORT", "MEDIA_PORT", "SPEECH_PORT", "SIMULATORS_PORT", "POSTGRES_PORT", "TEMPORAL_UI_PORT")


@pytest.fixture(scope="module")
async def settings() -> AsyncIterator[Settings]:
    """A stack of its own: its own ports, its own state."""
    # Not pytest's own temporary folder: it is shut to the user whom Postgres runs as when the tests run as root.
    home = Path(tempfile.mkdtemp(prefix="firstline-stack-"))
    before = dict(os.environ)
    os.environ.update({f"FIRSTLINE_{name}": str(free_port()) for name in _PORTS})
    os.environ.update({"FIRSTLINE_HOME": str(home), "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"})
    yield Settings()
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(home, ignore_errors=True)


class Played:
    """The demo under way: a task for each scene."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.tasks: dict[str, asyncio.Task[CallReport]] = {
            scene.name: asyncio.create_task(demo.play(number, scene)) for number, scene in enumerate(scenes(), 1)
        }

    async def scene(self, name: str) -> tuple[Scene, CallReport, list[str]]:
        """The scene, what became of it, and what did not happen that should have."""
        report = await self.tasks[name]
        [scene] = [scene for scene in scenes() if scene.name == name]
        return scene, report, [problem for problem in self.demo.problems if problem.startswith(f"{name}:")]


@pytest.fixture(scope="module")
async def played(settings: Settings) -> AsyncIterator[Played]:
    """Everything up, and all three callers phoning."""
    console = Console(quiet=True)
    async with running_stack(settings, console):
        temporal = await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)
        async with httpx.AsyncClient(base_url=settings.simulators_url, timeout=30, trust_env=False) as http:
            phone = Phone(settings, http, temporal)
            played = Played(Demo(settings, console, phone, temporal, VoiceOnDemand(settings)))
            yield played
            await asyncio.gather(*played.tasks.values(), return_exceptions=True)


async def test_a_question_is_answered_from_the_right_article(played: Played) -> None:
    scene, report, problems = await played.scene("how-to")

    assert problems == []
    assert report.outcome == "resolved"
    assert report.turns[0].article_ids[0] == scene.expect_article
    assert report.greeting_ms is not None


async def test_the_answer_can_be_understood_by_ear(played: Played) -> None:
    """What the caller's ear got, transcribed, is what the agent is reported to have said."""
    _, report, _ = await played.scene("how-to")
    sound, rate = soundfile.read(report.recording, dtype="float32", always_2d=True)
    whisper = load_whisper(whisper_folder("packaged:tiny.en", None), 2)

    segments, _ = whisper.transcribe(resample(sound[:, 1], rate, MODEL_RATE), language="en")
    heard = " ".join(segment.text for segment in segments)

    said = report.turns[0].agent_text
    words = jiwer.process_words(_plain(said), _plain(heard))
    assert words.hits / len(_plain(said).split()) > 0.7


async def test_people_see_the_trace_and_hear_both_sides(played: Played, settings: Settings) -> None:
    """In Langfuse, over its real protocols; only its server is simulated."""
    _, report, _ = await played.scene("how-to")
    place = f"{settings.simulators_url}/langfuse/api/public/"

    async with httpx.AsyncClient(base_url=place, auth=LOCAL_LANGFUSE_KEYS, trust_env=False) as http:
        trace = (await http.get(f"traces/{trace_id(report.call_sid)}")).json()
        turn = next(node for node in trace["observations"] if node["type"] == "GENERATION")
        ids = [turn[side]["audio"].partition("id=")[2].partition("|")[0] for side in ("input", "output")]
        links = [(await http.get(f"media/{found}")).json()["url"] for found in ids]
        seconds = [soundfile.info(io.BytesIO((await http.get(link)).content)).duration for link in links]

    assert trace["tags"][:2] == ["outcome:resolved", "language:en"]
    assert turn["output"]["text"] == report.turns[0].agent_text
    assert min(seconds) > 1.0


async def test_a_billing_dispute_reaches_a_person_once(played: Played) -> None:
    _, report, problems = await played.scene("dispute")

    assert problems == []
    assert report.outcome == "transferred"
    assert [tool.name for turn in report.turns for tool in turn.tools] == ["handoff_to_human"]


async def test_a_promised_callback_rings_once_and_is_answered(played: Played) -> None:
    _, report, problems = await played.scene("callback")

    assert problems == []
    assert report.outcome == "callback"


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == " " else " " for c in text.lower()).split())
