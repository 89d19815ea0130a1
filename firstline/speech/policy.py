"""The keyless answerer (placeholder of the full policy, see below)."""

import json
from collections.abc import AsyncIterator

from firstline.speech.answer import Call, Request, Say, ToolOutput, Words


class ToolBoundAnswerer:
    """Looks the question up and reads the best passage."""

    async def answer(self, request: Request) -> AsyncIterator[Say | Call]:
        last = request.entries[-1] if request.entries else None
        if isinstance(last, ToolOutput):
            data = json.loads(last.output)
            text = data.get("say") or (data["passages"][0]["text"] if data.get("passages") else "I do not know.")
            yield Say(" ".join(text.split()[:60]))
        elif isinstance(last, Words) and last.role == "user" and last.text and "lookup_article" in request.tools:
            yield Call("lookup_article", json.dumps({"query": last.text}))
        else:
            yield Say("How can I help you?")
