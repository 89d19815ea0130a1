"""A stranger with a valid signature and token who sends as fast as the socket takes it, and comes back when cut.

Run as a process: `flooder MEDIA_URL SIGNATURE SECONDS`; prints JSON: sockets opened, sockets cut, frames sent.
"""

import asyncio
import secrets
import sys
import time

import orjson
import uvloop
from picows import WSListener, WSMsgType, WSTransport, ws_connect

from workers.bench.bridge.phones import start_message
from workers.bench.bridge.stamps import FLOOD, stamped

BATCH = 100
"""Frames between two looks at the socket."""
BACK_AFTER_S = 0.2
UNSENT_BYTES = 256 * 1024
"""What may wait on our own side: the flood is as fast as the other side reads, and no faster."""


class _Socket(WSListener):
    """Tells when it is cut."""

    def __init__(self) -> None:
        self.cut = asyncio.Event()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.cut.set()

    def pause_writing(self) -> None:
        """Looked at in the loop."""

    def resume_writing(self) -> None:
        """Looked at in the loop."""


async def _flood(url: str, signature: str, seconds: float) -> dict[str, int]:
    until = time.monotonic() + seconds
    done = {"sockets": 0, "cut": 0, "frames": 0}
    while time.monotonic() < until:
        transport, listener = await ws_connect(_Socket, url, extra_headers={"X-Twilio-Signature": signature})
        done["sockets"] += 1
        stream_sid = "MZ" + secrets.token_hex(16)
        start = start_message("CA" + secrets.token_hex(16), stream_sid, {})
        transport.send(WSMsgType.TEXT, orjson.dumps(start))
        media = {
            "event": "media",
            "streamSid": stream_sid,
            "media": {"track": "inbound", "payload": stamped(20, FLOOD)},
        }
        frame = orjson.dumps(media)
        assert isinstance(listener, _Socket)
        while not listener.cut.is_set() and time.monotonic() < until:
            if transport.underlying_transport.get_write_buffer_size() < UNSENT_BYTES:
                for _ in range(BATCH):
                    transport.send(WSMsgType.TEXT, frame)
                done["frames"] += BATCH
            await asyncio.sleep(0.001)
        done["cut"] += listener.cut.is_set()
        transport.disconnect(graceful=False)
        await asyncio.sleep(BACK_AFTER_S)
    return done


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(_flood(sys.argv[1], sys.argv[2], float(sys.argv[3])))))
