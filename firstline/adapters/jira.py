"""Tickets in Jira Cloud, by its REST API v3 (developer.atlassian.com/cloud/jira/platform/rest/v3).

Retries are Temporal's.
"""

from typing import Any

import httpx

from firstline.adapters.loopback import is_loopback
from firstline.adapters.retry_after import retry_after_s
from firstline.ports import PortError, Rejected
from firstline.ports_after_call import Ticket, TicketDraft

_TIMEOUT_S = 10.0
_SUMMARY_MAX = 255
_ISSUE_TYPE = "Task"


class JiraTickets:
    """`ports_after_call.Tickets`. `url` is the site, https://example.atlassian.net; `project` a project's key."""

    def __init__(self, url: str, email: str, api_token: str, project: str) -> None:
        """Raises `Rejected` when the settings cannot be right."""
        missing = [name for name, value in (("JIRA_EMAIL", email), ("JIRA_API_TOKEN", api_token)) if not value]
        if missing:
            raise Rejected(f"JIRA_URL is set and {' and '.join(missing)} is not")
        if not url.startswith("https://") and not is_loopback(url):
            raise Rejected(f"JIRA_URL {url!r} must begin with https://")
        self._url = url.rstrip("/")
        self._project = project
        self._http = httpx.AsyncClient(
            base_url=f"{self._url}/rest/api/3/",
            auth=(email, api_token),
            timeout=_TIMEOUT_S,
            trust_env=not is_loopback(url),
        )

    async def find(self, label: str) -> Ticket | None:
        """The newest ticket of the project with this label. Jira's search may lag some seconds behind a new ticket."""
        jql = f'project = "{self._project}" AND labels = "{label}" ORDER BY created DESC'
        found = await self._ask("POST", "search/jql", {"jql": jql, "fields": ["labels"], "maxResults": 1})
        return self._ticket(found["issues"][0]["key"]) if found["issues"] else None

    async def open(self, draft: TicketDraft) -> Ticket:
        """Open a task."""
        fields = {
            "project": {"key": self._project},
            "issuetype": {"name": _ISSUE_TYPE},
            "summary": draft.summary[:_SUMMARY_MAX],
            "description": _document(draft.paragraphs),
            "labels": draft.labels,
        }
        return self._ticket((await self._ask("POST", "issue", {"fields": fields}))["key"])

    async def add_label(self, key: str, label: str) -> None:
        """Labels are a set: adding twice is adding once."""
        await self._ask("PUT", f"issue/{key}", {"update": {"labels": [{"add": label}]}})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _ticket(self, key: str) -> Ticket:
        return Ticket(key, f"{self._url}/browse/{key}")

    async def _ask(self, method: str, path: str, body: dict[str, Any]) -> Any:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise PortError(f"Jira could not be reached: {type(error).__name__}") from error
        if answer.is_success:
            return answer.json() if answer.content else None
        if answer.is_client_error and answer.status_code != 429:
            raise Rejected(f"Jira refused the request ({answer.status_code}): {_reasons(answer)}")
        raise PortError(f"Jira answered {answer.status_code}", retry_after=retry_after_s(answer.headers))


def _document(paragraphs: list[str]) -> dict[str, Any]:
    """Atlassian Document Format, which version 3 of the API asks for."""
    texts = [{"type": "paragraph", "content": [{"type": "text", "text": text}]} for text in paragraphs if text]
    return {"type": "doc", "version": 1, "content": texts}


def _reasons(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        return "no reason given"
    if not isinstance(told, dict):
        return "no reason given"
    reasons = [*told.get("errorMessages", []), *(f"{name}: {why}" for name, why in told.get("errors", {}).items())]
    return "; ".join(map(str, reasons)) or "no reason given"
