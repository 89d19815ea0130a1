"""The control API of the simulated carrier: phone calls are placed and watched here. JSON over HTTP.

`POST /sim/calls` — somebody phones in. Body:
    {"from": "+15550100999", "to": "+15550100100", "voice_url": "http://…/twilio/voice",
     "turns": ["<base64 µ-law 8 kHz>", {"audio": "<base64>", "digits": "0", "barge_in_ms": 1200}, …],
     "fallback_url"?, "status_callback"?, "geography"?: {"FromState": "CA", …},
     and any key of a person, below; `presses` is empty unless given}                   → 201 {"sid": "CA…"}
`POST /sim/calls/{sid}/hangup` — the person hangs up now.                              → 200 {"sid"}
`GET /sim/calls/{sid}/events` — JSON lines, from the beginning, until the call is over. Every line has `seq`, `event`,
    `at_ms` (since the call was created) and `time`; `line_ms` counts from the answer, on the 20 ms clock. Events:
    created, status, verb, said, played, gathered, stream_started, stream_ended, stream_warning, stream_error, cleared,
    mark_echoed, agent_audio_started, agent_audio_stopped, turn_started, turn_spoken, digit_pressed, answered_by,
    conference_joined|started|left|ended, queue_joined|left, redirected, error, twiml_warning, hung_up.
`GET /sim/calls/{sid}/recording.wav` — stereo PCM16 8 kHz: left what the person said, right what they heard.
`GET /sim/state` — {"calls": […], "conferences": […], "queues": {name: [sid]}}.
`PUT /sim/people/{number}` — how a number behaves when rung; a list is one behaviour a call, the last for ever after.
    Keys, all optional: answer (answers|declines|never), ring_ms, machine, presses, presses_after_ms, turns,
    speaks_first, patience_ms, hang_up (after_answer|after_person|never), hang_up_patience_ms, give_up_ms. Meaning and
    defaults: `phone.Script`. A number nobody set answers after 1.5 s and presses 1.
`POST /sim/faults` — {"prefix": "/2010-04-01" or "/pagerduty", "status": 503, "times": 1, "delay_ms": 0,
    "after": false, "method": "", "headers": {"Retry-After": "1"}, "cut": false}: the next requests under that path
    fail, or are only delayed when `status` is 0; with `after`, the request takes effect first and its answer is lost
    or late; `method` picks, e.g., only POSTs; with `cut`, the connection breaks in the middle of the answer.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from firstline.simulators.phone import Answer, HangUp, Script, Turn
from firstline.simulators.twilio_call import Leg
from firstline.simulators.twilio_carrier import Carrier

_ENUMS = {"answer": Answer, "hang_up": HangUp}
_KINDS = {field.name: type(field.default) for field in fields(Script)}


class Control:
    """The routes, over one carrier."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [
            Route("/sim/calls", self.place, methods=["POST"]),
            Route("/sim/calls/{sid}/hangup", self.hang_up, methods=["POST"]),
            Route("/sim/calls/{sid}/events", self.events),
            Route("/sim/calls/{sid}/recording.wav", self.recording),
            Route("/sim/state", self.state),
            Route("/sim/people/{number}", self.person, methods=["PUT"]),
        ]

    async def place(self, request: Request) -> Response:
        """Phone in."""
        body = await _body(request)
        try:
            from_, to, voice_url = (str(body.pop(key)) for key in ("from", "to", "voice_url"))
        except KeyError as error:
            raise HTTPException(400, f"{error.args[0]!r} is missing") from None
        options = {key: body.pop(key) for key in ("fallback_url", "status_callback", "geography") if key in body}
        # Whoever phones in presses nothing unless told to; whoever is rung accepts.
        body.setdefault("presses", "")
        leg = self._carrier.place_inbound(from_, to, voice_url, script_from(body), **options)
        return JSONResponse({"sid": leg.sid}, 201)

    async def hang_up(self, request: Request) -> Response:
        """The person hangs up."""
        leg = self._leg(request)
        leg.hang_up("person", "told_to")
        return JSONResponse({"sid": leg.sid})

    async def events(self, request: Request) -> Response:
        """Follow a call."""
        leg = self._leg(request)

        async def lines() -> AsyncIterator[str]:
            async for event in leg.events.follow():
                yield json.dumps(event) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def recording(self, request: Request) -> Response:
        """Both sides, so far."""
        return Response(self._leg(request).line.recording(), media_type="audio/wav")

    async def state(self, request: Request) -> Response:
        """Everything, for assertions."""
        exchange = self._carrier.exchange
        conferences = [
            {
                "sid": conference.sid,
                "name": conference.name,
                "status": conference.status,
                "participants": [seat.leg.sid for seat in conference.seats],
                "reason_ended": conference.reason_ended,
            }
            for conference in exchange.conferences.all.values()
        ]
        calls = [_summary(leg) for leg in self._carrier.legs.values()]
        return JSONResponse({"calls": calls, "conferences": conferences, "queues": exchange.queues})

    async def person(self, request: Request) -> Response:
        """Set a number's behaviour."""
        number = request.path_params["number"]
        body = await _json(request)
        scripts = [script_from(dict(entry)) for entry in (body if isinstance(body, list) else [body])]
        if not scripts:
            raise HTTPException(400, "an empty list says nothing about this number")
        self._carrier.set_person(number, scripts)
        return JSONResponse({"number": number, "scripts": len(scripts)})

    def _leg(self, request: Request) -> Leg:
        leg = self._carrier.legs.get(request.path_params["sid"])
        if leg is None:
            raise HTTPException(404, "no call has this sid")
        return leg


def script_from(body: dict[str, Any]) -> Script:
    """A person from JSON; raises `HTTPException` 400 naming what is wrong."""
    unknown = set(body) - set(_KINDS)
    if unknown:
        raise HTTPException(400, f"unknown keys: {', '.join(sorted(unknown))}")
    try:
        body["turns"] = tuple(_turn(turn) for turn in body.get("turns", []))
        for key, kind in _ENUMS.items():
            if key in body:
                body[key] = kind(body[key])
        for key, value in body.items():
            if not isinstance(value, _KINDS[key]):
                raise TypeError(f"{key!r} must be of type {_KINDS[key].__name__}")
        return Script(**body)
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise HTTPException(400, f"not a person's behaviour: {error}") from None


def _turn(turn: str | dict[str, Any]) -> Turn:
    if isinstance(turn, str):
        return Turn(base64.b64decode(turn, validate=True))
    audio = base64.b64decode(turn.get("audio", ""), validate=True)
    return Turn(audio, turn.get("digits", ""), turn.get("barge_in_ms"))


def _summary(leg: Leg) -> dict[str, Any]:
    return {
        "sid": leg.sid,
        "from": leg.from_,
        "to": leg.to,
        "direction": leg.direction,
        "status": leg.status,
        "answered_by": leg.answered_by,
        "duration": leg.duration,
        "events": len(leg.events.events),
    }


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None


async def _body(request: Request) -> dict[str, Any]:
    body = await _json(request)
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body
