"""When a workflow was meant to run."""

from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Set by Temporal on what a schedule starts, also when it catches up after an outage."""


def scheduled_at() -> datetime:
    """The moment (UTC) that the schedule named, or the start of a workflow that was started by hand."""
    return workflow.info().typed_search_attributes.get(_SCHEDULED) or workflow.info().start_time
