"""Who is on call, by PagerDuty's REST API v2 through its own SDK: on-calls by escalation, then each person's phones.

The key needs to read on-calls and users, nothing else. Reads only, so a repeat is harmless.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pagerduty
from prometheus_client import Counter

from firstline.adapters.loopback import is_loopback
from firstline.adapters.pagerduty_http import AnyHost, in_thread, no_retries
from firstline.domain.call import E164
from firstline.ports import PortError

asked = Counter("firstline_on_call_lookups_total", "Questions to PagerDuty who is on call, by the answer", ["result"])

_NOBODY = 1_000
"""Escalation levels end far below this."""


class _Rest(AnyHost, pagerduty.RestApiV2Client):  # type: ignore[misc]  # the SDK is published without types
    setting = "PAGERDUTY_API_URL"


class PagerDutyOnCall:
    """`ports.OnCall` of an escalation policy, a schedule or both, by their ids; `base_url` empty: PagerDuty's own."""

    def __init__(self, api_key: str, policy_id: str = "", schedule_id: str = "", base_url: str = "") -> None:
        self._client = _Rest(api_key, base_url=base_url or None, trust_env=not is_loopback(base_url))
        no_retries(self._client)
        self._where = {"escalation_policy_ids[]": policy_id, "schedule_ids[]": schedule_id}

    async def numbers(self, since: datetime | None = None) -> Sequence[str]:
        """Their first phone that takes calls, by escalation level."""
        try:
            found = await in_thread(lambda: list(dict.fromkeys(self._numbers(since))))
        except PortError:
            asked.labels("failed").inc()
            raise
        asked.labels("found" if found else "nobody").inc()
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._client.close)

    def _numbers(self, since: datetime | None) -> Iterator[str]:
        query: dict[str, Any] = {name: [wanted] for name, wanted in self._where.items() if wanted}
        if since is not None:
            query |= {"since": since.isoformat(), "until": datetime.now(UTC).isoformat()}
        on_calls = self._client.list_all("oncalls", params=query)
        for on_call in sorted(on_calls, key=lambda one: int(one.get("escalation_level") or _NOBODY)):
            yield from self._phone((on_call.get("user") or {}).get("id"))

    def _phone(self, user_id: str | None) -> Iterator[str]:
        """The number on which a person takes calls, if they have one."""
        if not user_id:
            return
        for method in self._client.rget(f"users/{user_id}/contact_methods"):
            # Fields that PagerDuty leaves out of an account without phone restrictions mean yes.
            usable = method.get("enabled", True) and not method.get("blacklisted", False)
            if method.get("type") == "phone_contact_method" and usable:
                digits = "".join(filter(str.isdigit, str(method.get("address", ""))))
                number = f"+{method.get('country_code', '')}{digits}"
                if E164.match(number):
                    yield number
                    return
