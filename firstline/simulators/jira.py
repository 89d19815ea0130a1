"""As much of Jira Cloud's REST API v3 as opening, finding and labelling tickets takes.

`GET /sim/tickets` shows what a person would see in the project.
"""

import base64
import re
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_JQL = re.compile(r'project = "(?P<project>[^"]+)" AND labels = "(?P<label>[^"]+)" ORDER BY created DESC')
_SUMMARY_MAX = 255


@dataclass
class Issue:
    """A ticket."""

    key: str
    project: str
    summary: str
    description: dict[str, Any]
    labels: list[str]


class Jira:
    """One site with one account. Any project's key is a project."""

    def __init__(self, email: str, api_token: str) -> None:
        self.issues: list[Issue] = []
        self._authorization = "Basic " + base64.b64encode(f"{email}:{api_token}".encode()).decode()

    @property
    def routes(self) -> list[Route]:
        """The vendor's, to be mounted where its base URL points."""
        return [
            Route("/rest/api/3/issue", self.create, methods=["POST"]),
            Route("/rest/api/3/issue/{key}", self.edit, methods=["PUT"]),
            Route("/rest/api/3/search/jql", self.search, methods=["POST"]),
        ]

    @property
    def control_routes(self) -> list[Route]:
        """Our own, to be mounted at the root."""
        return [Route("/sim/tickets", self.show)]

    async def create(self, request: Request) -> Response:
        """201 with the key, or 400 with what is wrong."""
        if refused := self._stranger(request):
            return refused
        fields = (await request.json()).get("fields", {})
        if errors := _errors(fields):
            return JSONResponse({"errorMessages": [], "errors": errors}, 400)
        project = fields["project"]["key"]
        number = 1 + sum(issue.project == project for issue in self.issues)
        issue = Issue(f"{project}-{number}", project, fields["summary"], fields["description"], fields["labels"])
        self.issues.append(issue)
        return JSONResponse({"id": str(10000 + len(self.issues)), "key": issue.key, "self": str(request.url)}, 201)

    async def search(self, request: Request) -> Response:
        """Understands the one question that is asked: a project's newest tickets with a label."""
        if refused := self._stranger(request):
            return refused
        asked = await request.json()
        match = _JQL.fullmatch(asked.get("jql", ""))
        if match is None:
            return JSONResponse({"errorMessages": ["Error in the JQL Query"], "errors": {}}, 400)
        found = [
            {"id": issue.key, "key": issue.key, "fields": {"labels": issue.labels}}
            for issue in reversed(self.issues)
            if issue.project == match["project"] and match["label"] in issue.labels
        ]
        return JSONResponse({"issues": found[: asked.get("maxResults", 50)], "isLast": True})

    async def edit(self, request: Request) -> Response:
        """Adds labels: 204, or 404."""
        if refused := self._stranger(request):
            return refused
        issue = next((issue for issue in self.issues if issue.key == request.path_params["key"]), None)
        if issue is None:
            message = "Issue does not exist or you do not have permission to see it."
            return JSONResponse({"errorMessages": [message], "errors": {}}, 404)
        for change in (await request.json()).get("update", {}).get("labels", []):
            if change["add"] not in issue.labels:
                issue.labels.append(change["add"])
        return Response(status_code=204)

    async def show(self, request: Request) -> Response:
        """All tickets, oldest first."""
        return JSONResponse({"tickets": [asdict(issue) for issue in self.issues]})

    def _stranger(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == self._authorization:
            return None
        return JSONResponse({"errorMessages": ["You are not authenticated."], "errors": {}}, 401)


def _errors(fields: dict[str, Any]) -> dict[str, str]:
    errors = {}
    if not fields.get("project", {}).get("key"):
        errors["project"] = "Specify a valid project ID or key"
    if not fields.get("issuetype", {}).get("name"):
        errors["issuetype"] = "Specify an issue type"
    summary = fields.get("summary", "")
    if not summary or len(summary) > _SUMMARY_MAX:
        errors["summary"] = "You must specify a summary of the issue of at most 255 characters."
    if fields.get("description", {}).get("type") != "doc":
        errors["description"] = "Operation value must be an Atlassian Document"
    if any(" " in label for label in fields.get("labels", [])):
        errors["labels"] = "The label contains spaces which is invalid."
    return errors
