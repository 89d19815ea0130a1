"""All simulators as one app.

Twilio's REST API at the root, PagerDuty under `/pagerduty`, Jira under `/jira`, a chat model under `/openai/v1`,
ElevenLabs' voice under `/elevenlabs`, Langfuse under `/langfuse`, control under `/sim`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from firstline.settings import LOCAL_JIRA_EMAIL, LOCAL_JIRA_TOKEN, LOCAL_LANGFUSE_KEYS, LOCAL_PAGERDUTY_API_KEY
from firstline.simulators.chat_model import USUAL, ChatSimulator
from firstline.simulators.client_secrets import ClientSecrets
from firstline.simulators.elevenlabs import ElevenLabs
from firstline.simulators.faults import Faults
from firstline.simulators.jira import Jira
from firstline.simulators.langfuse import Langfuse
from firstline.simulators.pagerduty import PagerDuty
from firstline.simulators.pagerduty_people import People
from firstline.simulators.twilio_carrier import Carrier
from firstline.simulators.twilio_control import Control
from firstline.simulators.twilio_exchange import Speaker, hum
from firstline.simulators.twilio_rest import Rest


def build_app(
    account_sid: str,
    auth_token: str,
    routing_key: str,
    *,
    jira_account: tuple[str, str] = (LOCAL_JIRA_EMAIL, LOCAL_JIRA_TOKEN),
    speak: Speaker = hum,
) -> Starlette:
    """An ASGI app for uvicorn.

    `jira_account` is the e-mail and API token that the tracker takes.

    `speak` is the carrier's voice for `<Say>`: (text, language) -> µ-law pieces at 8 kHz, e.g. a `ports.Voice`'s
    `stream`; without one it hums for as long as the words would take.
    """
    carrier = Carrier(account_sid, auth_token, speak)
    faults = Faults()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await carrier.aclose()

    pagerduty, people = PagerDuty(routing_key), People(LOCAL_PAGERDUTY_API_KEY)
    jira = Jira(*jira_account)
    langfuse = Langfuse(*LOCAL_LANGFUSE_KEYS)
    routes = [
        Route("/healthz", _healthy),
        *Control(carrier).routes,
        *faults.routes,
        *pagerduty.control_routes,
        *people.control_routes,
        *jira.control_routes,
        *langfuse.control_routes,
        Mount("/pagerduty", routes=[*pagerduty.routes, *people.routes]),
        Mount("/jira", routes=jira.routes),
        Mount("/elevenlabs", routes=ElevenLabs(first_byte_ms=100).routes()),
        Mount("/openai/v1", routes=[*ChatSimulator(pace=USUAL).routes(), *ClientSecrets().routes]),
        Mount("/langfuse", routes=langfuse.routes),
        *Rest(carrier).routes,
    ]
    handlers: dict[Any, Any] = {404: _not_found}
    middleware = [Middleware(faults.wrap)]
    return Starlette(routes=routes, lifespan=lifespan, middleware=middleware, exception_handlers=handlers)


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _not_found(request: Request, error: Exception) -> Response:
    detail = getattr(error, "detail", "")
    message = detail if detail != "Not Found" else f"The requested resource {request.url.path} was not found"
    info = "https://www.twilio.com/docs/errors/20404"
    return JSONResponse({"code": 20404, "message": message, "more_info": info, "status": 404}, 404)
