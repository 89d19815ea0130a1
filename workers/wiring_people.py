"""Who is rung for a handoff: the settings' numbers, or whoever is on call in PagerDuty."""

from firstline.adapters.pagerduty_on_call import PagerDutyOnCall
from firstline.settings import Settings


def on_call(settings: Settings) -> PagerDutyOnCall | None:
    """Where it is known who is on call; None where FIRSTLINE_REP_NUMBERS are all there is. Raises `Rejected`."""
    key = settings.pagerduty_api_key.get_secret_value()
    if not key:
        return None
    simulated = f"{settings.simulators_url}/pagerduty" if settings.env == "local" else ""
    policy, schedule = settings.pagerduty_escalation_policy_id, settings.pagerduty_schedule_id
    return PagerDutyOnCall(key, policy, schedule, settings.pagerduty_api_url or simulated)
