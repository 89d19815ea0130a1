"""An ingest that runs when a new version is deployed goes on as if nothing had happened."""

from pathlib import Path

import pytest
from temporalio.worker import Replayer

from tests.histories.test_replay import history
from workers.worker import workflow_runner
from workflows.ingest import CorpusIngestWorkflow

RECORDED = sorted(Path(__file__).parent.glob("*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_stored_history_replays_on_todays_code(path: Path) -> None:
    replayer = Replayer(workflows=[CorpusIngestWorkflow], workflow_runner=workflow_runner())

    result = await replayer.replay_workflow(history(path), raise_on_replay_failure=False)

    assert result.replay_failure is None


def test_there_is_a_stored_history_that_names_nobody() -> None:
    assert RECORDED
    assert all("stackTrace" not in path.read_text("utf-8") for path in RECORDED)
