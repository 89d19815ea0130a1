"""Calls, conferences and participants as Twilio's REST API writes them (checked against its OpenAPI description)."""

from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from firstline.simulators.twilio_call import API_VERSION, FINAL, Leg
from firstline.simulators.twilio_conference import Conference, Seat


def call_json(leg: Leg) -> dict[str, Any]:
    """`api.v2010.account.call`."""
    uri = f"{account_path(leg.account_sid)}/Calls/{leg.sid}"
    over = leg.status in FINAL
    return {
        "sid": leg.sid,
        "date_created": _rfc2822(leg.created),
        "date_updated": _rfc2822(leg.updated),
        "parent_call_sid": None,
        "account_sid": leg.account_sid,
        "to": leg.to,
        "to_formatted": leg.to,
        "from": leg.from_,
        "from_formatted": leg.from_,
        "phone_number_sid": None,
        "status": leg.status,
        "start_time": _rfc2822(leg.rung),
        "end_time": _rfc2822(leg.ended),
        "duration": str(leg.duration) if over else None,
        # The price arrives later, when the carrier has rated the call.
        "price": None,
        "price_unit": "USD",
        "direction": leg.direction,
        "answered_by": leg.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {
            name: f"{uri}/{name.capitalize()}.json" for name in ("notifications", "recordings", "events", "streams")
        },
    }


def conference_json(conference: Conference) -> dict[str, Any]:
    """`api.v2010.account.conference`."""
    uri = f"{account_path(conference.account_sid)}/Conferences/{conference.sid}"
    return {
        "account_sid": conference.account_sid,
        "date_created": _rfc2822(conference.created),
        "date_updated": _rfc2822(conference.updated),
        "api_version": API_VERSION,
        "friendly_name": conference.name,
        "region": "us1",
        "sid": conference.sid,
        "status": conference.status,
        "uri": f"{uri}.json",
        "subresource_uris": {"participants": f"{uri}/Participants.json", "recordings": f"{uri}/Recordings.json"},
        "reason_conference_ended": conference.reason_ended,
        "call_sid_ending_conference": conference.ended_by,
    }


def participant_json(seat: Seat) -> dict[str, Any]:
    """`api.v2010.account.conference.participant`."""
    conference = seat.conference
    uri = f"{account_path(conference.account_sid)}/Conferences/{conference.sid}/Participants/{seat.leg.sid}.json"
    return {
        "account_sid": conference.account_sid,
        "call_sid": seat.leg.sid,
        "label": None,
        "call_sid_to_coach": None,
        "coaching": False,
        "conference_sid": conference.sid,
        "date_created": _rfc2822(seat.joined),
        "date_updated": _rfc2822(seat.joined),
        "end_conference_on_exit": seat.end_on_exit,
        "muted": False,
        "hold": False,
        "start_conference_on_enter": seat.start_on_enter,
        "status": "connected",
        "queue_time": None,
        "uri": uri,
    }


def page_json(
    key: str, items: list[dict[str, Any]], path: str, query: dict[str, str], *, size: int, page: int
) -> dict[str, Any]:
    """One page of a list; `query` holds the filters of the request, which the links to other pages repeat."""
    start = page * size
    shown = items[start : start + size]

    def uri(number: int) -> str:
        return f"{path}?{urlencode(query | {'PageSize': str(size), 'Page': str(number)})}"

    return {
        key: shown,
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if start + size < len(items) else None,
        "previous_page_uri": uri(page - 1) if page else None,
        "uri": uri(page),
        "page": page,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(shown) - 1),
    }


def account_path(account_sid: str) -> str:
    """Where an account's resources live."""
    return f"/{API_VERSION}/Accounts/{account_sid}"


def _rfc2822(moment: datetime | None) -> str | None:
    return format_datetime(moment) if moment else None
