"""`firstline call`: one phone call from recordings, shown live."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from temporalio.client import Client

from firstline.settings import Settings
from workers.phone_call import Caller, Phone
from workers.recordings import telephone_audio
from workers.show import show_event, show_report, show_turn
from workers.wiring_store import converter


async def run_call(
    settings: Settings,
    wavs: Sequence[Path],
    record: Path | None,
    from_number: str,
    console: Console,
    emit: Callable[[dict[str, Any]], None] | None,
) -> None:
    """Place the call, show it, keep it. Raises `BadRecording` before anything rings, `PhoneError` after."""
    caller = Caller([telephone_audio(wav) for wav in wavs], from_number)
    try:
        temporal: Client | None = await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=converter(settings),
        )
    except RuntimeError:
        console.print("[yellow]Temporal does not answer: the call is placed, its outcome cannot be shown[/]")
        temporal = None
    async with httpx.AsyncClient(base_url=settings.simulators_url, timeout=10, trust_env=False) as http:
        phone = Phone(settings, http, temporal)
        sid = await phone.place(caller)
        console.print(f"    [bold]{sid}[/]")
        report = await phone.follow(
            sid,
            on_event=lambda event: show_event(console, event),
            on_turn=lambda turn: show_turn(console, turn),
        )
        if record is not None:
            await phone.record(sid, record)
            report.recording = str(record)
    show_report(console, report)
    if emit is not None:
        emit(report.as_json())
