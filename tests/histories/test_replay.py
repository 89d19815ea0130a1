"""Workflows that run when a new version is deployed go on as if nothing had happened."""

import json
import re
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workers.worker import WORKFLOWS, workflow_runner

FOLDER = Path(__file__).parent
RECORDED = sorted(FOLDER.glob("*.json"))


def history(path: Path) -> WorkflowHistory:
    """A recorded history."""
    document = json.loads(path.read_text("utf-8"))
    return WorkflowHistory.from_json(document["workflow_id"], document["history"])


class TestAStoredHistory:
    @pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
    async def test_replays_on_todays_code(self, path: Path) -> None:
        replayer = Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner())

        result = await replayer.replay_workflow(history(path), raise_on_replay_failure=False)

        assert result.replay_failure is None

    @pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
    def test_says_of_every_step_and_every_timer_what_it_is_for(self, path: Path) -> None:
        steps = [
            event
            for event in history(path).events
            if event.event_type in (EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_TIMER_STARTED)
        ]

        assert steps
        assert [step.event_id for step in steps if not step.user_metadata.summary.data] == []

    def test_exists_for_every_workflow(self) -> None:
        types = {
            history(path).events[0].workflow_execution_started_event_attributes.workflow_type.name for path in RECORDED
        }

        assert types == {getattr(workflow, "__temporal_workflow_definition").name for workflow in WORKFLOWS}

    @pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
    def test_names_nobody_who_recorded_it(self, path: Path) -> None:
        text = path.read_text("utf-8")

        assert "stackTrace" not in text
        assert set(re.findall(r'"identity": "([^"]*)"', text)) <= {"recorder", "history-service"}
