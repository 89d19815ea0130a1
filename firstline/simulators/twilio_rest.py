"""Twilio's REST API for calls and conferences, as far as firstline uses it; errors in Twilio's JSON shape."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstline.domain.call import E164
from firstline.simulators.twilio_call import Detection, FromUrl, Inline, Leg, Source, StatusCallback
from firstline.simulators.twilio_carrier import Carrier
from firstline.simulators.twilio_conference import Conference
from firstline.simulators.twilio_resources import call_json, conference_json, page_json, participant_json
from firstline.simulators.twilio_twiml import BadTwiml, parse

_ROOT = "/2010-04-01/Accounts/{account}"
_EVENTS = {"initiated", "ringing", "answered", "completed"}

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """A request that Twilio refuses."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.body = {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }


class Rest:
    """The routes, over one carrier."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        conference = f"{_ROOT}/Conferences/{{sid}}"
        return [
            self._route("Calls.json", self.create_call, "POST"),
            self._route("Calls.json", self.list_calls, "GET"),
            self._route("Calls/{sid}.json", self.update_call, "POST"),
            self._route("Calls/{sid}.json", self.fetch_call, "GET"),
            self._route("Conferences.json", self.list_conferences, "GET"),
            Route(f"{conference}/Participants.json", self._guard(self.list_participants), methods=["GET"]),
            Route(f"{conference}.json", self._guard(self.fetch_conference), methods=["GET"]),
        ]

    async def create_call(self, request: Request) -> Response:
        """Ring a number."""
        form = await request.form()
        text = {key: str(value) for key, value in form.items()}
        to, from_ = text.get("To", ""), text.get("From", "")
        _require(bool(to), 21201, "No 'To' number is specified")
        _require(bool(E164.match(to)), 21211, f"Invalid 'To' Phone Number: {to}")
        _require(bool(from_), 21213, "'From' is missing")
        _require(bool(E164.match(from_)), 21212, f"Invalid 'From' Phone Number: {from_}")
        source = _source(text)
        if source is None:
            raise Refused(400, 21205, "Url parameter is required.")
        events = frozenset(str(event) for value in form.getlist("StatusCallbackEvent") for event in str(value).split())
        _require(events <= _EVENTS, 21626, f"Invalid StatusCallbackEvents: {sorted(events - _EVENTS)}")
        leg = self._carrier.dial(
            to,
            from_,
            source,
            fallback_url=text.get("FallbackUrl", ""),
            status_callback=StatusCallback(text.get("StatusCallback", ""), events or frozenset({"completed"})),
            detection=_detection(text),
            ring_seconds=_number(text, "Timeout", 60),
        )
        return JSONResponse(call_json(leg), 201)

    async def list_calls(self, request: Request) -> Response:
        """Newest first, filtered by To, From, Status and `StartTime>=` (written `StartTime>`, as its SDKs do)."""
        query = dict(request.query_params)
        wanted = {"to": query.get("To"), "from_": query.get("From"), "status": query.get("Status")}
        since = _moment(query, "StartTime>")
        legs = [
            leg
            for leg in reversed(self._carrier.legs.values())
            if all(value is None or getattr(leg, key) == value for key, value in wanted.items())
            and (since is None or (leg.rung is not None and leg.rung >= since))
        ]
        return JSONResponse(_page("calls", [call_json(leg) for leg in legs], request))

    async def fetch_call(self, request: Request) -> Response:
        """One call."""
        return JSONResponse(call_json(self._leg(request)))

    async def update_call(self, request: Request) -> Response:
        """Redirect a live call, or end it."""
        leg = self._leg(request)
        text = {key: str(value) for key, value in (await request.form()).items()}
        _require(not leg.over, 21220, "Call is not in-progress. Cannot redirect.")
        status = text.get("Status", "")
        _require(status in {"", "completed", "canceled"}, 21218, f"Invalid Status: {status}")
        source = _source(text)
        if status == "completed" or (status == "canceled" and leg.started is None):
            leg.hang_up("api", status)
        elif source is not None:
            _require(leg.status == "in-progress", 21220, "Call is not in-progress. Cannot redirect.")
            leg.redirects.put_nowait(source)
        return JSONResponse(call_json(leg))

    async def list_conferences(self, request: Request) -> Response:
        """Newest first, filtered by FriendlyName and Status."""
        query = dict(request.query_params)
        wanted = {"name": query.get("FriendlyName"), "status": query.get("Status")}
        found = [
            conference_json(conference)
            for conference in reversed(self._carrier.exchange.conferences.all.values())
            if all(value is None or getattr(conference, key) == value for key, value in wanted.items())
        ]
        return JSONResponse(_page("conferences", found, request))

    async def fetch_conference(self, request: Request) -> Response:
        """One conference."""
        return JSONResponse(conference_json(self._conference(request)))

    async def list_participants(self, request: Request) -> Response:
        """Who is in it now."""
        seats = [participant_json(seat) for seat in self._conference(request).seats]
        return JSONResponse(_page("participants", seats, request))

    def _route(self, path: str, handler: Handler, method: str) -> Route:
        return Route(f"{_ROOT}/{path}", self._guard(handler), methods=[method])

    def _guard(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                self._authenticate(request)
                return await handler(request)
            except Refused as refused:
                return JSONResponse(refused.body, refused.body["status"])  # type: ignore[arg-type]

        return guarded

    def _authenticate(self, request: Request) -> None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        expected = f"{self._carrier.account_sid}:{self._carrier.auth_token}"
        try:
            given = base64.b64decode(credentials).decode() if scheme.lower() == "basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        own = request.path_params["account"] == self._carrier.account_sid
        if not own or not hmac.compare_digest(given.encode(), expected.encode()):
            raise Refused(401, 20003, "Authenticate")

    def _leg(self, request: Request) -> Leg:
        leg = self._carrier.legs.get(request.path_params["sid"])
        return _found(leg, request)

    def _conference(self, request: Request) -> Conference:
        return _found(self._carrier.exchange.conferences.all.get(request.path_params["sid"]), request)


def _found(thing: T | None, request: Request) -> T:
    if thing is None:
        raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
    return thing


def _number(text: dict[str, str], key: str, default: int) -> int:
    given = text.get(key, str(default))
    if not given.isdecimal():
        raise Refused(400, 20001, f"{key} is not a whole number: {given}")
    return int(given)


def _moment(query: dict[str, str], key: str) -> datetime | None:
    if key not in query:
        return None
    try:
        moment = datetime.fromisoformat(query[key])
    except ValueError:
        raise Refused(400, 20001, f"{key} is not a date or time: {query[key]}") from None
    # Twilio reads what names no zone as UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _require(met: bool, code: int, message: str) -> None:
    if not met:
        raise Refused(400, code, message)


def _page(key: str, items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    query = dict(request.query_params)
    size, page = max(1, _number(query, "PageSize", 50)), _number(query, "Page", 0)
    return page_json(key, items, request.url.path, query, size=size, page=page)


def _source(text: dict[str, str]) -> Source | None:
    if text.get("Twiml"):
        try:
            parse(text["Twiml"])
        except BadTwiml as error:
            raise Refused(400, 12100, f"Document parse failure: {error}") from None
        return Inline(text["Twiml"])
    return FromUrl(text["Url"], text.get("Method", "POST")) if text.get("Url") else None


def _detection(text: dict[str, str]) -> Detection:
    wanted = text.get("MachineDetection", "none").lower() in {"enable", "detectmessageend"}
    return Detection(wanted, text.get("AsyncAmd", "").lower() == "true", text.get("AsyncAmdStatusCallback", ""))
