"""What is wrong when a model's server refuses, fails or goes away: four kinds, because each asks for something else.

Codes are OpenAI's (https://developers.openai.com/api/docs/guides/error-codes); those that no retry cures are the ones
that LiveKit's agents treat so too. A session ends after 60 minutes with close code 1001 or the code `session_expired`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from realtime_bridge.protocol.server_events import field_of

UNRETRYABLE = frozenset(
    {
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "billing_not_active",
        "model_not_found",
    }
)
RATE_LIMITED = frozenset({"rate_limit_exceeded", "rate_limit_error", "slow_down"})
SESSION_OVER = frozenset({"session_expired"})
_UNAUTHORISED = {401: "invalid_api_key", 403: "forbidden", 404: "model_not_found"}
_LONGEST_BACK_OFF = 120.0
"""Seconds; whoever asks for more is asked again then."""


class Kind(Enum):
    """What it asks for."""

    NETWORK = "network"
    """Try again: connections that break, servers that fail."""
    RATE_LIMITED = "rate_limited"
    """Try again later; another lane meanwhile."""
    UNRETRYABLE = "unretryable"
    """Nobody but the operator can mend it: quota, key, account."""
    SESSION_OVER = "session_over"
    """The session's time is up; nothing is wrong."""


@dataclass(frozen=True)
class Fault:
    """One of them."""

    kind: Kind
    code: str
    """The server's word for it, or ours: for the log and the metric."""
    retry_after: float | None = None
    """Seconds that the server asks for; None when it does not say."""


LOST = Fault(Kind.NETWORK, "lost")
UNREACHABLE = Fault(Kind.NETWORK, "unreachable")
SLOW = Fault(Kind.NETWORK, "slow")
HUNG = Fault(Kind.NETWORK, "hung")


def of_code(code: str, retry_after: float | None = None) -> Fault | None:
    """The fault that an error code names; None for one that is about a single request."""
    if code in UNRETRYABLE:
        return Fault(Kind.UNRETRYABLE, code)
    if code in RATE_LIMITED:
        return Fault(Kind.RATE_LIMITED, code, retry_after)
    if code in SESSION_OVER:
        return Fault(Kind.SESSION_OVER, code)
    return None


def of_error_event(event: Mapping[str, Any]) -> Fault | None:
    """An `error` event's fault; None when it is about what we sent, and the session goes on."""
    return of_code(field_of(event, "error", "code")) or of_code(field_of(event, "error", "type"))


def of_response(response: Mapping[str, Any]) -> Fault | None:
    """What a failed response says of the lane; None when it says nothing but that it failed."""
    details = response.get("status_details")
    if not isinstance(details, Mapping):
        return None
    return of_code(field_of(details, "error", "code")) or of_code(field_of(details, "error", "type"))


def of_close(code: int, reason: str) -> Fault:
    """Why a server closed the socket. 1001 alone is a server that goes away; with the duration, a session's end."""
    if "maximum duration" in reason or any(word in reason for word in SESSION_OVER):
        return Fault(Kind.SESSION_OVER, "session_expired")
    for word in sorted(UNRETRYABLE | RATE_LIMITED):
        if word in reason and (fault := of_code(word)) is not None:
            return fault
    return Fault(Kind.NETWORK, f"closed_{code}" if code else "lost")


def of_status(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> Fault:
    """Why a server answered the upgrade with something but 101."""
    wait = retry_after(headers)
    for word in (field_of(body, "error", "code"), field_of(body, "error", "type")):
        if known := of_code(word, wait):
            return known
    if status == 429:
        return Fault(Kind.RATE_LIMITED, "rate_limit_exceeded", wait)
    if status in _UNAUTHORISED:
        return Fault(Kind.UNRETRYABLE, _UNAUTHORISED[status])
    return Fault(Kind.NETWORK, f"http_{status}", wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds by `retry-after-ms` or `Retry-After`; None without them, or with a date, which OpenAI does not send."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return min(max(0.0, float(headers[name]) / unit), _LONGEST_BACK_OFF)
        except (KeyError, ValueError):
            continue
    return None


def of_rate_limits(event: Mapping[str, Any]) -> Fault | None:
    """A `rate_limits.updated` that leaves nothing for the next response; None while there is something left."""
    limits = event.get("rate_limits")
    if not isinstance(limits, list):
        return None
    waits = [
        float(limit.get("reset_seconds") or 0.0)
        for limit in limits
        if isinstance(limit, Mapping) and limit.get("remaining") == 0
    ]
    return Fault(Kind.RATE_LIMITED, "rate_limits_used_up", min(max(waits), _LONGEST_BACK_OFF)) if waits else None
