"""`POST /v1/audio/transcriptions`, as OpenAI's client calls it: a recording in, its words out.

Whoever has a recording but no words, such as the bridge when a model could not make out a turn, asks here. Formats:
what libsndfile reads (WAV, µ-law inside it too, FLAC, Ogg, MP3). Answers: `json` (with `logprobs` when they are asked
for), `verbose_json` and `text`.
"""

import io
from typing import Any

import soundfile
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from firstline.speech.audio import Samples
from firstline.speech.transcribe import Transcriber
from firstline.speech.transcript import Transcript

LARGEST_FILE = 25 * 2**20
"""Bytes; OpenAI's own limit."""

FORMATS = ("json", "verbose_json", "text")


class _Refused(Exception):
    """The request cannot be carried out; the message says why."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


async def transcription(request: Request, transcriber: Transcriber) -> Response:
    """200 with the words; 400 when a field is wrong."""
    try:
        async with request.form(max_part_size=LARGEST_FILE) as form:
            samples, rate = await _sound(form)
            language, form_of_answer = _language(form, transcriber), _form_of_answer(form)
            logprobs = "logprobs" in form.getlist("include[]")
            prompt = str(form.get("prompt") or "")
    except _Refused as refused:
        error = {"message": str(refused), "type": "invalid_request_error", "param": refused.param, "code": None}
        return JSONResponse({"error": error}, 400)
    found = await transcriber.transcribe(samples, rate, language, prompt)
    seconds = len(samples) / rate
    if form_of_answer == "text":
        return PlainTextResponse(f"{found.text}\n")
    return JSONResponse(
        _verbose(found, seconds) if form_of_answer == "verbose_json" else _json(found, seconds, logprobs)
    )


async def _sound(form: FormData) -> tuple[Samples, int]:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise _Refused("file must be an uploaded recording", "file")
    data = await file.read()
    if len(data) > LARGEST_FILE:
        raise _Refused(f"the file is larger than {LARGEST_FILE // 2**20} MiB", "file")
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError):
        raise _Refused("the file is no recording in a known format: WAV, FLAC, Ogg or MP3", "file") from None
    if not len(samples):
        raise _Refused("the recording is empty", "file")
    mono: Samples = samples.mean(axis=1)
    return mono, int(rate)


def _language(form: FormData, transcriber: Transcriber) -> str | None:
    language = str(form.get("language") or "") or None
    known = transcriber.languages
    if language and known is not None and language not in known:
        told = ", ".join(sorted(known))
        raise _Refused(f"language {language!r}: the server's Whisper model understands only {told}", "language")
    return language


def _form_of_answer(form: FormData) -> str:
    wanted = str(form.get("response_format") or "json")
    if wanted not in FORMATS:
        raise _Refused(f"response_format must be one of {', '.join(FORMATS)}", "response_format")
    return wanted


def _json(found: Transcript, seconds: float, logprobs: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"text": found.text, "usage": {"type": "duration", "seconds": round(seconds)}}
    if logprobs:
        # Whisper gives one figure for all of its tokens; every word carries it.
        answer["logprobs"] = [{"token": word, "logprob": found.logprob} for word in found.text.split()]
    return answer


def _verbose(found: Transcript, seconds: float) -> dict[str, Any]:
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": round(seconds, 2),
        "text": found.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": found.logprob,
        "compression_ratio": 1.0,
        "no_speech_prob": found.no_speech,
    }
    return {
        "task": "transcribe",
        "language": found.language,
        "duration": round(seconds, 2),
        "text": found.text,
        "segments": [segment] if found.text else [],
        "usage": {"type": "duration", "seconds": round(seconds)},
    }
