"""PagerDuty's REST API v2, as far as asking who is on call takes: on-calls of one escalation policy, people's phones.

Source: PagerDuty's REST API OpenAPI description. `PUT /sim/on-call` with `[{"level": 1, "name": "Ada", "phones":
["+15550100301"]}, …]` says who is on call; each phone is a country code of one digit and the rest.
"""

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

POLICY, SCHEDULE = "PT20YPA", "PI7DH85"
_PAGE = 25


@dataclass
class Person:
    """Somebody on call."""

    level: int
    name: str
    phones: list[str] = field(default_factory=list)
    """E.164."""
    off_call: bool = False
    """Was on call until a moment ago."""


class People:
    """One policy with one schedule."""

    def __init__(self, api_key: str) -> None:
        self.people: list[Person] = []
        self._authorization = f"Token token={api_key}"

    @property
    def routes(self) -> list[Route]:
        """The vendor's, to be mounted where its base URL points."""
        return [
            Route("/oncalls", self.on_calls),
            Route("/users/{user_id}/contact_methods", self.contact_methods),
        ]

    @property
    def control_routes(self) -> list[Route]:
        """Our own, to be mounted at the root."""
        return [Route("/sim/on-call", self.put, methods=["PUT"])]

    async def put(self, request: Request) -> Response:
        """Say who is on call."""
        self.people = [Person(**person) for person in await request.json()]
        return JSONResponse({"people": len(self.people)})

    async def on_calls(self, request: Request) -> Response:
        """Pages of on-calls, of the policies or schedules asked for, in no order that means something."""
        if refused := self._stranger(request):
            return refused
        query = request.query_params
        policies, schedules = query.getlist("escalation_policy_ids[]"), query.getlist("schedule_ids[]")
        ours = (not policies or POLICY in policies) and (not schedules or SCHEDULE in schedules)
        lately = "since" in query
        found = [
            self._on_call(place, person)
            for place, person in enumerate(self.people)
            if ours and (lately or not person.off_call)
        ]
        limit, offset = int(query.get("limit", _PAGE)), int(query.get("offset", 0))
        page = list(reversed(found))[offset : offset + limit]
        more = offset + limit < len(found)
        return JSONResponse({"oncalls": page, "limit": limit, "offset": offset, "more": more, "total": None})

    async def contact_methods(self, request: Request) -> Response:
        """A person's phones, behind the e-mail address that everybody has; 404 for nobody's id."""
        if refused := self._stranger(request):
            return refused
        place = request.path_params["user_id"].removeprefix("PUSER")
        if not place.isdigit() or int(place) >= len(self.people):
            return _failed(404, 2100, "Not Found")
        methods = [_email(self.people[int(place)]), *map(_phone, self.people[int(place)].phones)]
        return JSONResponse({"contact_methods": methods})

    @staticmethod
    def _on_call(place: int, person: Person) -> dict[str, Any]:
        return {
            "user": _reference(f"PUSER{place}", "user", person.name),
            "schedule": _reference(SCHEDULE, "schedule", "Reps"),
            "escalation_policy": _reference(POLICY, "escalation_policy", "Reps"),
            "escalation_level": person.level,
            "start": "2026-01-01T00:00:00Z",
            "end": "2036-01-01T00:00:00Z",
        }

    def _stranger(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == self._authorization:
            return None
        return _failed(401, 2006, "Unauthorized")


def _reference(found: str, kind: str, summary: str) -> dict[str, Any]:
    address = f"https://api.pagerduty.com/{kind}s/{found}"
    return {"id": found, "type": f"{kind}_reference", "summary": summary, "self": address, "html_url": address}


def _email(person: Person) -> dict[str, Any]:
    address = f"{person.name.lower()}@firstline.example"
    return {"id": "PEMAIL", "type": "email_contact_method", "summary": "Work", "label": "Work", "address": address}


def _phone(number: str) -> dict[str, Any]:
    return {
        "id": f"P{number[-7:]}",
        "type": "phone_contact_method",
        "summary": "Mobile",
        "label": "Mobile",
        "country_code": int(number[1]),
        "address": number[2:],
        "enabled": True,
        "blacklisted": False,
    }


def _failed(status: int, code: int, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "errors": []}}, status)
