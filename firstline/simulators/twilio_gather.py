"""Collecting keys for a Gather."""

import asyncio
from collections.abc import Coroutine

from firstline.simulators.announcement import Announcement
from firstline.simulators.twilio_twiml import Verb


async def collect(announcement: Announcement, verb: Verb, prompt: Coroutine[None, None, None]) -> str:
    """The keys pressed; empty when none came within `timeout` seconds after the prompt. A key cuts the prompt short."""
    timeout = verb.seconds("timeout", 5)
    wanted = int(verb.seconds("numDigits", 0))
    finish = verb.get("finishOnKey", "#")
    prompting = asyncio.create_task(prompt)
    try:
        digits = ""
        key = await _first(announcement.keys, prompting, timeout)
        while key and key != finish:
            digits += key
            if wanted and len(digits) >= wanted:
                break
            key = await _next(announcement.keys, timeout)
        return digits
    finally:
        prompting.cancel()


async def _first(keys: asyncio.Queue[str], prompting: asyncio.Task[None], timeout: float) -> str:
    pressed = asyncio.create_task(keys.get())
    try:
        await asyncio.wait({pressed, prompting}, return_when=asyncio.FIRST_COMPLETED)
        if prompting.done():
            prompting.result()
        await asyncio.wait({pressed}, timeout=timeout)
        return pressed.result() if pressed.done() else ""
    finally:
        pressed.cancel()


async def _next(keys: asyncio.Queue[str], timeout: float) -> str:
    try:
        return await asyncio.wait_for(keys.get(), timeout)
    except TimeoutError:
        return ""
