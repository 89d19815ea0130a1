"""What the SDK's two clients have in common: plain HTTP to this machine alone, no retries, our errors."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pagerduty

from firstline.adapters.loopback import is_loopback
from firstline.adapters.retry_after import retry_after_s
from firstline.ports import PortError, Rejected

Answer = TypeVar("Answer")

_TIMEOUT_S = 5


class AnyHost:
    """For a client of the SDK, which takes https:// alone: also plain HTTP where the other side is this machine."""

    setting = ""
    """The variable that names the base URL."""
    _url = ""

    @property
    def url(self) -> str:
        """The base URL."""
        return self._url

    @url.setter
    def url(self, base_url: str) -> None:
        if not base_url.startswith("https://") and not is_loopback(base_url):
            raise Rejected(f"{self.setting} {base_url!r} must begin with https://")
        self._url = base_url


def no_retries(client: Any) -> None:
    """Temporal retries; the SDK does not."""
    client.timeout = _TIMEOUT_S
    client.max_network_attempts = 0
    # The SDK waits out a 429 for ever unless a limit is named for it; a negative total stops before any retry.
    client.retry[429] = 1
    client.max_http_attempts = -1


async def in_thread(ask: Callable[[], Answer]) -> Answer:
    """Ask beside the loop. Raises `PortError` or `Rejected` for what the SDK raises."""
    try:
        return await asyncio.to_thread(ask)
    except pagerduty.Error as error:
        raise _translated(error) from error


def _translated(error: pagerduty.Error) -> PortError:
    response = error.response
    if response is None:
        return PortError("PagerDuty could not be reached")
    status = response.status_code
    if 400 <= status < 500 and status != 429:
        return Rejected(f"PagerDuty refused the request ({status}): {_reasons(response)}")
    return PortError(f"PagerDuty answered {status}", retry_after=retry_after_s(response.headers))


def _reasons(response: Any) -> str:
    """What PagerDuty found wrong, by either API; names fields, not their content."""
    try:
        told = response.json()
        found = told.get("errors") or [told.get("error", {}).get("message", "")]
        return "; ".join(map(str, filter(None, found))) or "no reason given"
    except (ValueError, AttributeError):
        return "no reason given"
