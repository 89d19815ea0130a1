"""Paging by PagerDuty's Events API v2, through its own SDK.

The SDK's retries are off: Temporal retries. Every event carries our dedup key, so a repeat reaches the same incident.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pagerduty

from firstline.adapters.loopback import is_loopback
from firstline.ports import Page, PortError, Rejected

_SUMMARY_MAX = 1024
_TIMEOUT_S = 5


class _Events(pagerduty.EventsApiV2Client):
    """The SDK's client, which also takes plain HTTP where the other side is this machine."""

    @property
    def url(self) -> str:
        return str(self._url)

    @url.setter
    def url(self, base_url: str) -> None:
        if not base_url.startswith("https://") and not is_loopback(base_url):
            raise Rejected(f"PAGERDUTY_BASE_URL {base_url!r} must begin with https://")
        self._url = base_url


class PagerDutyPaging:
    """`ports.Paging`. `base_url` is empty for PagerDuty's own (https://events.pagerduty.com)."""

    def __init__(self, routing_key: str, base_url: str = "") -> None:
        self._client = _Events(routing_key, base_url=base_url or None, trust_env=not is_loopback(base_url))
        self._client.timeout = _TIMEOUT_S
        self._client.max_network_attempts = 0
        # The SDK waits out a 429 for ever unless a limit is named for it; a negative total stops before any retry.
        self._client.retry[429] = 1
        self._client.max_http_attempts = -1

    async def trigger(self, page: Page) -> None:
        """Open the incident, or add to it when its dedup key is known. The summary is cut to 1,024 characters."""
        links = [{"href": page.link, "text": "Transcript and evidence"}] if page.link else None

        def send() -> str:
            return str(
                self._client.trigger(
                    page.summary[:_SUMMARY_MAX],
                    page.source,
                    dedup_key=page.dedup_key,
                    severity=page.severity,
                    custom_details=dict(page.details),
                    links=links,
                )
            )

        await _in_thread(send)

    async def resolve(self, dedup_key: str) -> None:
        """Close the incident; PagerDuty accepts it for a closed or unknown one too."""
        await _in_thread(lambda: str(self._client.resolve(dedup_key)))

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._client.close)


async def _in_thread(send: Callable[[], str]) -> None:
    try:
        await asyncio.to_thread(send)
    except pagerduty.Error as error:
        raise _translated(error) from error


def _translated(error: pagerduty.Error) -> PortError:
    response = error.response
    if response is None:
        return PortError("PagerDuty could not be reached")
    status = response.status_code
    if 400 <= status < 500 and status != 429:
        return Rejected(f"PagerDuty refused the event ({status}): {_reasons(response)}")
    return PortError(f"PagerDuty answered {status}")


def _reasons(response: Any) -> str:
    """What PagerDuty found wrong; names fields, not their content."""
    try:
        return "; ".join(map(str, response.json().get("errors", []))) or "no reason given"
    except (ValueError, AttributeError):
        return "no reason given"
