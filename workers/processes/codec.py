"""The codec server: Temporal's web UI and command line decrypt with it, in the browser of whoever may.

What was too big for a history is fetched from the object store first.

It serves whoever reaches it: put it where only those people do, behind the company's sign-on.
"""

from collections.abc import Awaitable, Callable

import uvicorn
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from firstline.adapters.claim_check import ClaimingCodec
from firstline.adapters.payload_codec import EncryptionCodec, parse_keys
from firstline.ports import PortError
from firstline.settings import Settings
from workers.ports_in_use import require_free
from workers.wiring_store import object_store


def build_app(codec: PayloadCodec, ui_origin: str) -> Starlette:
    """An ASGI app with Temporal's two routes; browsers may ask from `ui_origin` alone."""

    def route(path: str, change: Callable[[list[Payload]], Awaitable[list[Payload]]]) -> Route:
        async def answer(request: Request) -> Response:
            try:
                asked = json_format.Parse(await request.body(), Payloads())
                changed = await change(list(asked.payloads))
            except (json_format.ParseError, ValueError, PortError) as error:
                return JSONResponse({"message": str(error)}, 400)
            return JSONResponse(json_format.MessageToDict(Payloads(payloads=changed)))

        return Route(path, answer, methods=["POST"])

    cors = Middleware(
        CORSMiddleware,
        allow_origins=[ui_origin],
        allow_methods=["POST"],
        allow_headers=["content-type", "x-namespace", "authorization"],
        allow_credentials=True,
    )
    return Starlette(
        routes=[route("/encode", codec.encode), route("/decode", codec.decode), Route("/healthz", _healthy)],
        middleware=[cors],
    )


async def run(settings: Settings) -> None:
    """`firstline serve codec`."""
    keys = parse_keys(settings.payload_keys.get_secret_value())
    require_free(settings.host, settings.codec_port, "FIRSTLINE_CODEC_PORT")
    # Without keys nothing is encrypted, and what was too big for a history can still be read.
    codec = ClaimingCodec(EncryptionCodec(keys) if keys else None, object_store(settings))
    app = build_app(codec, settings.temporal_ui_url)
    config = uvicorn.Config(app, settings.host, settings.codec_port, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})
