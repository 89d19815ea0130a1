"""Reads and checks the settings, and loads nothing else: a command that only asks must not wait for every adapter."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from firstline.domain.call import E164
from firstline.domain.hours import Hours, parse_holidays, parse_open, parse_pauses, parse_quiet
from firstline.ports import Rejected
from firstline.settings import Settings


class BadSettings(Exception):
    """An environment variable is unusable; the message names it and the fix."""


def load_settings() -> Settings:
    """The settings from the environment. Raises `BadSettings`."""
    try:
        settings = Settings()
        ZoneInfo(settings.timezone)
        callback_times(settings)
        _check_people(settings)
        langfuse(settings)
        if settings.voice_engine == "elevenlabs" and not settings.elevenlabs_api_key.get_secret_value():
            raise BadSettings("FIRSTLINE_VOICE_ENGINE=elevenlabs needs ELEVENLABS_API_KEY; see .env.example")
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise BadSettings(f"{name}={first.get('input')!r}: {first['msg']}; see .env.example") from error
    except Rejected as error:
        raise BadSettings(f"{error}; see .env.example") from error
    except (KeyError, ValueError) as error:
        raise BadSettings("FIRSTLINE_TIMEZONE is not an IANA time zone such as America/New_York") from error
    if settings.env == "production" and (problems := not_for_production(settings)):
        raise BadSettings("FIRSTLINE_ENV=production refuses to start: " + "; ".join(problems))
    return settings


def not_for_production(settings: Settings) -> list[str]:
    """What must not go live: simulators and default secrets, a line each."""
    fields = Settings.model_fields
    secrets = ("twilio_account_sid", "twilio_auth_token", "pagerduty_routing_key", "line_number", "rep_numbers")
    stand_ins = ("twilio_base_url", "pagerduty_base_url")
    problems = [
        f"{fields[name].validation_alias} still has its local default"
        for name in secrets
        if getattr(settings, name) == fields[name].default
    ]
    problems += [
        f"{fields[name].validation_alias} points at a stand-in" for name in stand_ins if getattr(settings, name)
    ]
    if not settings.public_url.startswith("https://"):
        problems.append("FIRSTLINE_PUBLIC_URL must be the https:// URL that Twilio reaches")
    if not settings.public_media_url.startswith("wss://"):
        problems.append("FIRSTLINE_PUBLIC_MEDIA_URL must be the wss:// URL that Twilio reaches")
    if settings.jira_url and settings.jira_api_token == fields["jira_api_token"].default:
        problems.append("JIRA_API_TOKEN still has its local default")
    if not settings.realtime_url:
        problems.append("FIRSTLINE_REALTIME_URL is missing: name the model's server, also when it is our own")
    if not settings.database_url:
        problems.append("DATABASE_URL is missing")
    return problems


def callback_times(settings: Settings) -> tuple[Hours, tuple[timedelta, ...]]:
    """When we ring back, and the pauses between attempts. Raises `BadSettings`, or what `ZoneInfo` raises."""
    live = settings.env == "production"
    try:
        name, hours = (
            "FIRSTLINE_CALLBACK_HOURS",
            settings.callback_hours or ("mon-sat 08:00-20:00" if live else "always"),
        )
        opened = parse_open(hours)
        name = "FIRSTLINE_HOLIDAYS"
        holidays = parse_holidays(settings.holidays)
        name = "FIRSTLINE_QUIET_HOURS"
        quiet = parse_quiet(settings.quiet_hours or ("21:00-08:00" if live else "none"))
        name = "FIRSTLINE_CALLBACK_PAUSES"
        pauses = parse_pauses(settings.callback_pauses)
    except ValueError as error:
        raise BadSettings(f"{name}: {error}; see .env.example") from error
    return Hours(ZoneInfo(settings.timezone), opened, holidays, quiet), pauses


def langfuse(settings: Settings) -> tuple[str, str, str] | None:
    """Langfuse's host, public key and secret key; None where none are set. Raises `Rejected` for half an account."""
    given = {
        "LANGFUSE_HOST": settings.langfuse_host,
        "LANGFUSE_PUBLIC_KEY": settings.langfuse_public_key,
        "LANGFUSE_SECRET_KEY": settings.langfuse_secret_key.get_secret_value(),
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        there = next(name for name, value in given.items() if value)
        raise Rejected(f"{there} is set and {' and '.join(missing)} is not: set all three, or none")
    host, public, secret = given.values()
    return host, public, secret


def _check_people(settings: Settings) -> None:
    """Raises `Rejected` for numbers that nobody can ring, and for half of what asking PagerDuty takes."""
    if unknown := [number for number in settings.reps if not E164.match(number)]:
        raise Rejected(f"FIRSTLINE_REP_NUMBERS: {unknown[0]!r} is not in international format, like +15551234567")
    key = settings.pagerduty_api_key.get_secret_value()
    where = settings.pagerduty_escalation_policy_id or settings.pagerduty_schedule_id
    if key and not where:
        raise Rejected(
            "PAGERDUTY_API_KEY is set and neither PAGERDUTY_ESCALATION_POLICY_ID nor PAGERDUTY_SCHEDULE_ID is: name one"
        )
    if where and not key:
        raise Rejected("PAGERDUTY_ESCALATION_POLICY_ID or PAGERDUTY_SCHEDULE_ID is set and PAGERDUTY_API_KEY is not")


def database_url(settings: Settings) -> str:
    """Where Postgres is: the setting, or the embedded server of `firstline up`."""
    return settings.database_url or f"postgresql://postgres@{settings.host}:{settings.postgres_port}/postgres"
