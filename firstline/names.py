"""Names and limits that more than one process must agree on."""

from datetime import timedelta

TASK_QUEUE = "firstline"
WORKER_DEPLOYMENT = "firstline"
"""Under which Temporal knows the versions of our workers."""


def dial_task_queue(task_queue: str = TASK_QUEUE) -> str:
    """Where outbound calls wait their turn: the carrier takes a call a second, however many workers there are."""
    return f"{task_queue}-dial"


# Workflow types and ids: a person who knows a CallSid can guess every id.
CALL_WORKFLOW = "CallWorkflow"
HANDOFF_WORKFLOW = "HandoffWorkflow"
CALLBACK_WORKFLOW = "CallbackWorkflow"
REVIEW_WORKFLOW = "ReviewWorkflow"
SLO_WORKFLOW = "SloWorkflow"
CSAT_WORKFLOW = "CsatWorkflow"
ORPHANS_WORKFLOW = "OrphansWorkflow"
RETENTION_WORKFLOW = "RetentionWorkflow"

INGEST_WORKFLOW = "CorpusIngestWorkflow"
INGEST_PROGRESS_QUERY = "progress"


def ingest_task_queue(task_queue: str = TASK_QUEUE) -> str:
    """Where corpora wait to be embedded: heavy work that must not keep a call's activities waiting."""
    return f"{task_queue}-ingest"


def ingest_workflow_id(collection: str) -> str:
    """Id of the workflow that ingests into a collection; one at a time."""
    return f"ingest-{collection}"


# Messages of CallWorkflow.
FACTS_SIGNAL = "facts"
HANDOFF_UPDATE = "handoff"
CALLBACK_UPDATE = "callback"
CALLBACK_CANCELLED_SIGNAL = "callback_cancelled"
NEXT_STEP_QUERY = "next_step"
STATE_QUERY = "state"
TIMELINE_QUERY = "timeline"
TURNS_QUERY = "turns"
RESUME_QUERY = "resume_context"

# Messages of HandoffWorkflow and CallbackWorkflow.
FAREWELL_SIGNAL = "farewell_played"
REP_SIGNAL = "rep_answered"
JOINED_SIGNAL = "rep_joined"
CALLER_LEFT_SIGNAL = "caller_left"
DIAL_SIGNAL = "dial_status"
ACKNOWLEDGED_SIGNAL = "page_acknowledged"
MOVE_SIGNAL = "move"
MOVE_UPDATE = "reschedule"
CANCEL_SIGNAL = "cancel"
CANCEL_UPDATE = "withdraw"
PROMISE_QUERY = "promise"

# Messages of CsatWorkflow.
SCORE_UPDATE = "score"
SAMPLE_QUERY = "sample"

# Search attributes: name -> Temporal indexed value type.
SEARCH_ATTRIBUTES = {
    "Outcome": "Keyword",
    "Language": "Keyword",
    "HandoffReason": "Keyword",
    "Deflected": "Bool",
    "Turns": "Int",
    "CallerNumber": "Keyword",
    "Flags": "KeywordList",
}

# Conferences: one per handed-off call, named so that every replica names the same one.
CONFERENCE_PREFIX = "handoff-"
FAILSAFE_QUEUE = "failsafe"

UPDATE_DEADLINE = timedelta(seconds=2)
"""How long the caller waits for a promise to become durable before the agent says something else."""


def call_workflow_id(call_sid: str) -> str:
    """Id of a call's workflow."""
    return f"call-{call_sid}"


def handoff_workflow_id(call_sid: str) -> str:
    """Id of a call's handoff workflow; also the PagerDuty dedup key."""
    return f"handoff-{call_sid}"


def callback_workflow_id(call_sid: str) -> str:
    """Id of the callback promised in a call."""
    return f"callback-{call_sid}"


def csat_workflow_id(month: str) -> str:
    """Id of a month's satisfaction sample; `month` is 2026-10."""
    return f"csat-{month}"


def conference_name(call_sid: str) -> str:
    """Friendly name of the conference in which a handed-off caller waits."""
    return f"{CONFERENCE_PREFIX}{call_sid}"
