"""OpenAI's short-lived Realtime secrets on the loopback: `POST …/realtime/client_secrets`."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SHORTEST, LONGEST, USUAL = 10, 7200, 600
"""Seconds that a secret may last."""


@dataclass
class ClientSecrets:
    """Makes them. `made` holds every value with its expiry in Unix seconds, `failures` what the next requests get."""

    api_key: str = ""
    """Asked for when it is not empty."""
    clock: Callable[[], float] = time.time
    made: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[int, str]] = field(default_factory=list)
    """(status, code)."""

    @property
    def routes(self) -> list[Route]:
        """Below `/v1`."""
        return [Route("/realtime/client_secrets", self._create, methods=["POST"])]

    def opens(self, bearer: str) -> bool:
        """Whether a session may be started with this secret now."""
        return self.made.get(bearer, 0) > self.clock()

    async def _create(self, request: Request) -> Response:
        if self.failures:
            return _error(*self.failures.pop(0))
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not given or (self.api_key and given != self.api_key):
            return _error(401, "invalid_api_key")
        body = await request.json()
        lifetime, session = _lifetime(body), body.get("session", {"type": "realtime"})
        if lifetime is None or session.get("type") not in ("realtime", "transcription"):
            return _error(400, "invalid_value")
        value, expires_at = f"ek_{secrets.token_hex(16)}", int(self.clock()) + lifetime
        self.made[value] = expires_at
        shown = {"object": "realtime.session", "id": f"sess_{secrets.token_hex(8)}", **session}
        return JSONResponse({"value": value, "expires_at": expires_at, "session": shown})


def _lifetime(body: dict[str, Any]) -> int | None:
    """Seconds; None for what OpenAI would refuse."""
    after = body.get("expires_after", {})
    seconds = after.get("seconds", USUAL)
    anchored = after.get("anchor", "created_at") == "created_at"
    return seconds if anchored and isinstance(seconds, int) and SHORTEST <= seconds <= LONGEST else None


def _error(status: int, code: str) -> Response:
    return JSONResponse({"error": {"message": "refused", "type": "invalid_request_error", "code": code}}, status)
