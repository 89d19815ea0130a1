"""Which workflows end on the version of the workers on which they began. Loaded anew for every run: keep it small."""

from dataclasses import replace

from temporalio.common import VersioningBehavior
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails

from firstline import names

PINNED = frozenset({names.CALL_WORKFLOW, names.HANDOFF_WORKFLOW})
"""They are short, and a caller is on the line."""


class PinningRunner(UnsandboxedWorkflowRunner):
    """What the sandbox runs inside, for workers with a version.

    Not said where a workflow is defined: Temporal refuses the work of a worker without a version that says it.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """One run of a workflow."""
        if det.defn.name in PINNED:
            det = replace(det, defn=replace(det.defn, versioning_behavior=VersioningBehavior.PINNED))
        return super().create_instance(det)
