"""The simulators' process: loopback stand-ins for the paid services."""

import uvicorn

from firstline.settings import Settings
from firstline.simulators.app import build_app
from firstline.simulators.twilio_exchange import Speaker
from workers.ports_in_use import require_free
from workers.voices import VoiceOnDemand
from workers.wiring_settings import BadSettings


async def run(settings: Settings, speak: Speaker | None = None) -> None:
    """Loopback stand-ins for Twilio, PagerDuty and Jira; `speak` is the carrier's voice, the agent's unless given."""
    if settings.env == "production":
        raise BadSettings("FIRSTLINE_ENV=production: the simulators must not run")
    require_free(settings.host, settings.simulators_port, "FIRSTLINE_SIMULATORS_PORT")
    app = build_app(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        routing_key=settings.pagerduty_routing_key.get_secret_value(),
        jira_account=(settings.jira_email, settings.jira_api_token.get_secret_value()),
        speak=speak or VoiceOnDemand(settings).stream,
    )
    config = uvicorn.Config(
        app,
        settings.host,
        settings.simulators_port,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
    )
    await uvicorn.Server(config).serve()
