"""The baseline: a relay that only forwards, on the same libraries. Run as a process: `relay MEDIA_PORT MODEL_URL`."""

import asyncio
import sys

import orjson
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_connect, ws_create_server

_APPEND = b'{"type":"input_audio_buffer.append","audio":"'


class _Model(WSListener):
    def __init__(self, call: "_Call") -> None:
        self._call = call

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        event = orjson.loads(frame.get_payload_as_bytes())
        if event.get("type") == "response.output_audio.delta":
            self._call.play(event["delta"])


class _Call(WSListener):
    def __init__(self, model_url: str) -> None:
        self._model_url = model_url
        self._phone: WSTransport | None = None
        self._model: WSTransport | None = None
        self._stream_sid = ""
        self._connecting: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._phone = transport
        self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        self._model, _ = await ws_connect(lambda: _Model(self), self._model_url)
        self._model.send(WSMsgType.TEXT, b'{"type":"session.update","session":{"type":"realtime"}}')

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
            return
        message = orjson.loads(frame.get_payload_as_bytes())
        if message["event"] == "media" and self._model is not None:
            self._model.send(WSMsgType.TEXT, _APPEND + message["media"]["payload"].encode() + b'"}')
        elif message["event"] == "start":
            self._stream_sid = message["streamSid"]

    def play(self, payload: str) -> None:
        if self._phone is not None:
            media = {"event": "media", "streamSid": self._stream_sid, "media": {"payload": payload}}
            self._phone.send(WSMsgType.TEXT, orjson.dumps(media))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._phone = None
        if self._model is not None:
            self._model.disconnect()


async def _serve(port: int, model_url: str) -> None:
    def accept(request: WSUpgradeRequest) -> WSListener:
        return _Call(model_url)

    server = await ws_create_server(accept, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
