"""Paging by PagerDuty's Events API v2, through its own SDK.

The SDK's retries are off: Temporal retries. Every event carries our dedup key, so a repeat reaches the same incident.
"""

import asyncio

import pagerduty

from firstline.adapters.loopback import is_loopback
from firstline.adapters.pagerduty_http import AnyHost, in_thread, no_retries
from firstline.ports import Page

_SUMMARY_MAX = 1024


class _Events(AnyHost, pagerduty.EventsApiV2Client):  # type: ignore[misc]  # the SDK is published without types
    setting = "PAGERDUTY_BASE_URL"


class PagerDutyPaging:
    """`ports.Paging`. `base_url` is empty for PagerDuty's own (https://events.pagerduty.com)."""

    def __init__(self, routing_key: str, base_url: str = "") -> None:
        self._client = _Events(routing_key, base_url=base_url or None, trust_env=not is_loopback(base_url))
        no_retries(self._client)

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

        await in_thread(send)

    async def resolve(self, dedup_key: str) -> None:
        """Close the incident; PagerDuty accepts it for a closed or unknown one too."""
        await in_thread(lambda: str(self._client.resolve(dedup_key)))

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._client.close)
