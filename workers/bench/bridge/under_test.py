"""The bridge with everything on, its outside world in memory.

Run as a process: `under_test MEDIA_PORT MODEL_URL HOME SEED [mute]`; `mute` keeps no recordings.

Signature check, stage stamps, transcript, barge-in by heard position, spool on disk and metrics are the real ones; only
the help centre and the control plane answer from memory, because their cost is not the bridge's. Searches take the time
that is drawn for them with the seed.
"""

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import uvloop

from firstline.adapters.object_store import ObstoreObjectStore
from firstline.domain.call import CallStarted
from firstline.domain.callback import OpenCallback
from firstline.domain.facts import Fact
from firstline.ports import CallControl
from firstline.settings import LOCAL_AUTH_TOKEN
from firstline.telemetry import configure_logs
from realtime_bridge.app import Bridge, BridgeConfig
from realtime_bridge.model_link import ModelEndpoint
from realtime_bridge.phrases import PhraseBook
from realtime_bridge.recording import Recordings
from workers.bench.bridge.help_centre import TimedHelpCentre
from workers.bench.bridge.inside import answer_when_asked


class _Swallow:
    """A control plane that takes every fact at once."""

    async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
        return None

    async def open_callbacks(self, phone: str, timeout: float) -> list[OpenCallback]:
        return []


class _Hum:
    """A voice of 2.4 s, whatever is said."""

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"\xff" * 3200


async def _serve(port: int, model_url: str, home: Path, seed: int, *, recorded: bool) -> None:
    answer_when_asked(home)
    media_url = f"ws://127.0.0.1:{port}/media"
    config = BridgeConfig(
        host="127.0.0.1",
        port=0,
        media_port=port,
        bridge_url="http://127.0.0.1",
        media_url=media_url,
        auth_token=LOCAL_AUTH_TOKEN,
        lanes=(ModelEndpoint(model_url, "scripted"),),
        company="Meridian",
        zone=ZoneInfo("UTC"),
        spool_path=home / "spool.sqlite",
        max_calls=2000,
    )
    store = ObstoreObjectStore((home / "objects").as_uri())
    phrases, recordings = PhraseBook(_Hum(), store, "Meridian"), Recordings(store) if recorded else None
    await Bridge(config, TimedHelpCentre(seed), _as_control(_Swallow()), phrases, recordings).serve()


def _as_control(control: object) -> CallControl:
    return control  # type: ignore[return-value]  # the script asks for nothing durable, so nothing else is called


if __name__ == "__main__":
    configure_logs(json=True, level=40)
    uvloop.run(
        _serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), recorded="mute" not in sys.argv[5:])
    )
