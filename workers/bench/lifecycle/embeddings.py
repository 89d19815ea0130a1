"""A loopback stand-in for an embeddings API: a word is a direction, so what shares words is near. No model to load."""

import hashlib

import numpy as np
from openai.types import CreateEmbeddingResponse, Embedding
from openai.types.create_embedding_response import Usage
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firstline.adapters.openai_embedder import DIMENSIONS

MODEL = "text-embedding-3-small"


def vector(text: str) -> "list[float]":
    """A unit vector of the words in `text`."""
    total = np.full(DIMENSIONS[MODEL], 1e-6)
    for word in text.lower().split():
        digest = hashlib.sha256(word.strip(".,?!").encode()).digest()
        total[int.from_bytes(digest[:4], "big") % DIMENSIONS[MODEL]] += 1.0
    return [float(value) for value in total / np.linalg.norm(total)]


async def _embed(request: Request) -> Response:
    wanted = (await request.json())["input"]
    texts = [wanted] if isinstance(wanted, str) else wanted
    data = [Embedding(embedding=vector(text), index=at, object="embedding") for at, text in enumerate(texts)]
    body = CreateEmbeddingResponse(data=data, model=MODEL, object="list", usage=Usage(prompt_tokens=0, total_tokens=0))
    return Response(body.model_dump_json(), media_type="application/json")


ROUTE = Route("/v1/embeddings", _embed, methods=["POST"])
