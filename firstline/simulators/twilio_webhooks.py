"""Webhooks as Twilio sends them: form-encoded, signed, retried once when the connection fails."""

import asyncio
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import uuid4

import httpx
import structlog
from twilio.request_validator import RequestValidator

log = structlog.get_logger()

_TIMEOUT_S = 15.0
"""Twilio's own limit for a voice webhook."""


class WebhookFailed(Exception):
    """No TwiML came back: no connection, a timeout, or a status that is not 2xx. Twilio's code is 11200."""


class Webhooks:
    """Sends signed requests with one account's auth token."""

    def __init__(self, auth_token: str) -> None:
        self._validator = RequestValidator(auth_token)
        # Webhooks of a simulator stay on this machine: no proxy from the environment.
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=True)

    def sign(self, url: str, params: Mapping[str, str] | None = None) -> str:
        """The X-Twilio-Signature of a request; a WebSocket upgrade is signed without parameters."""
        return str(self._validator.compute_signature(url, dict(params or {})))

    async def send(self, url: str, params: Mapping[str, str], method: str = "POST") -> str:
        """The body of the answer. Raises `WebhookFailed`."""
        headers = {"I-Twilio-Idempotency-Token": str(uuid4()), "User-Agent": "TwilioProxy/1.1"}
        if method.upper() == "GET":
            url = _with_query(url, params)
            headers["X-Twilio-Signature"] = self.sign(url)
            request = self._client.build_request("GET", url, headers=headers)
        else:
            headers["X-Twilio-Signature"] = self.sign(url, params)
            request = self._client.build_request("POST", url, data=dict(params), headers=headers)
        try:
            response = await self._with_one_retry(request)
        except httpx.HTTPError as error:
            raise WebhookFailed(type(error).__name__) from error
        if not response.is_success:
            raise WebhookFailed(f"status {response.status_code}")
        return response.text

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _with_one_retry(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._client.send(request)
        except httpx.ConnectError:
            return await self._client.send(request)


class Callbacks:
    """Posts status callbacks in the background; a callback that fails is logged and forgotten.

    Those of one lane (a call, a conference) arrive in order; a slow lane does not hold up the others.
    """

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._lanes: dict[str, deque[tuple[str, dict[str, str]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, lane: str, url: str, params: dict[str, str]) -> None:
        """Send after everything posted before in the same lane."""
        if lane in self._lanes:
            self._lanes[lane].append((url, params))
            return
        self._lanes[lane] = deque([(url, params)])
        task = asyncio.create_task(self._drain(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Stop; what was not sent yet is dropped."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, lane: str) -> None:
        waiting = self._lanes[lane]
        while waiting:
            url, params = waiting.popleft()
            try:
                await self._webhooks.send(url, params)
            except WebhookFailed as problem:
                log.warning("status_callback_failed", lane=lane, problem=str(problem))
        del self._lanes[lane]


def _with_query(url: str, params: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(piece for piece in (parts.query, urlencode(params)) if piece)
    return urlunsplit(parts._replace(query=query))
