"""When a workflow has to go on in a new run, so that no history grows for ever."""

from temporalio import workflow


class Growth:
    """Looked at whenever something was learnt, for only then does a history grow.

    Temporal suggests a new run at 4,096 events or 4 MiB. Runs that were open before this was written are let be: their
    replay must come to what they did.
    """

    def __init__(self) -> None:
        self.due = False
        """Whether a new run should begin; for a condition to wait for."""

    def look(self) -> None:
        """Never from a condition, a query or a validator: when it is due for the first time, the history is marked."""
        if not self.due and workflow.info().is_continue_as_new_suggested():
            self.due = workflow.patched("continue-as-new")
