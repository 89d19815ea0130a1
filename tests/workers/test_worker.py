"""What the worker runs."""

from pathlib import Path
from typing import Any

from temporalio.common import SearchAttributeKey

import workflows
from firstline import names
from tests.workflows.calls import activities_of
from tests.workflows.fakes import World
from workers.worker import WORKFLOWS
from workflows import search

ROOT = Path(__file__).resolve().parents[2]


class TestTheWorkflowsPackage:
    def test_is_ours(self) -> None:
        """Other people publish packages of the same name."""
        assert Path(workflows.__file__ or "").parent == ROOT / "workflows"

    def test_is_empty_because_it_is_executed_again_for_every_run(self) -> None:
        assert (ROOT / "workflows" / "__init__.py").read_text("utf-8") == ""


class TestNames:
    def test_of_workflows_are_those_by_which_the_bridge_asks(self) -> None:
        registered = {getattr(workflow, "__temporal_workflow_definition").name for workflow in WORKFLOWS}

        assert registered <= {value for name, value in vars(names).items() if name.endswith("_WORKFLOW")}

    def test_of_search_attributes_are_those_that_are_registered(self) -> None:
        keys: list[SearchAttributeKey[Any]] = [
            key for key in vars(search).values() if isinstance(key, SearchAttributeKey)
        ]
        types = {key.name: key.value_type for key in keys}

        assert types.keys() == names.SEARCH_ATTRIBUTES.keys()
        assert (types["Deflected"], types["Turns"], types["Outcome"]) == (bool, int, str)


class TestActivities:
    def test_all_say_why_repeating_them_is_harmless(self) -> None:
        """The first thing to look up at night is what a retry does."""
        methods = activities_of(World()).methods

        silent = [
            method.__name__
            for method in methods
            if not any(word in method.__doc__ for word in ("Idempotent", "idempotency key", "Reads only"))
        ]

        assert len(methods) > 15
        assert silent == []
