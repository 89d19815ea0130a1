"""Which version of the workers takes the work: Temporal's Worker Deployments."""

from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from firstline.ports import PortError, Rejected


@dataclass(frozen=True)
class Routing:
    """Where work goes."""

    current: str
    """Build id of the version that takes new work; empty for workers without one."""
    ramping: str
    """Build id of the version that is being tried on a share of it; empty when none is."""
    percent: float
    """That share."""


@dataclass(frozen=True)
class WorkerVersions:
    """The versions of one deployment."""

    client: Client
    deployment: str

    async def release(self, build_id: str, percent: float = 100.0) -> Routing:
        """Give a version all new work, or a share of it (0 to take it back); returns where work then goes.

        Raises `Rejected` for a version that no worker has, `PortError` when Temporal does not answer.
        """
        try:
            if percent == 100:
                await self._set_current(build_id)
            else:
                await self._set_ramping(build_id, percent)
            return await self.routing()
        except RPCError as error:
            raise self._translated(error, build_id) from error

    async def routing(self) -> Routing:
        """Where work goes now. Raises `RPCError`."""
        asked = DescribeWorkerDeploymentRequest(namespace=self.client.namespace, deployment_name=self.deployment)
        answer = await self.client.workflow_service.describe_worker_deployment(asked)
        routing = answer.worker_deployment_info.routing_config
        return Routing(
            routing.current_deployment_version.build_id,
            routing.ramping_deployment_version.build_id,
            routing.ramping_version_percentage,
        )

    async def _set_current(self, build_id: str) -> None:
        await self.client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=self.client.namespace,
                deployment_name=self.deployment,
                build_id=build_id,
                identity=self.client.identity,
            )
        )

    async def _set_ramping(self, build_id: str, percent: float) -> None:
        await self.client.workflow_service.set_worker_deployment_ramping_version(
            SetWorkerDeploymentRampingVersionRequest(
                namespace=self.client.namespace,
                deployment_name=self.deployment,
                build_id=build_id if percent else "",
                percentage=percent,
                identity=self.client.identity,
            )
        )

    @staticmethod
    def _translated(error: RPCError, build_id: str) -> PortError:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION):
            return Rejected(
                f"version {build_id!r} cannot take work: {error.message} Start a worker with"
                f" FIRSTLINE_BUILD_ID={build_id} first, and let it ask Temporal for work"
            )
        return PortError(f"Temporal did not answer: {error.status.name}")
