"""Who is rung for a handoff: the settings' numbers, or whoever is on call in PagerDuty."""

from firstline.adapters.pagerduty_on_call import PagerDutyOnCall
from firstline.domain.call import E164
from firstline.ports import Rejected
from firstline.settings import Settings


def check(settings: Settings) -> None:
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


def on_call(settings: Settings) -> PagerDutyOnCall | None:
    """Where it is known who is on call; None where FIRSTLINE_REP_NUMBERS are all there is. Raises `Rejected`."""
    key = settings.pagerduty_api_key.get_secret_value()
    if not key:
        return None
    simulated = f"{settings.simulators_url}/pagerduty" if settings.env == "local" else ""
    policy, schedule = settings.pagerduty_escalation_policy_id, settings.pagerduty_schedule_id
    return PagerDutyOnCall(key, policy, schedule, settings.pagerduty_api_url or simulated)
