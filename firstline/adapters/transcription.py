"""Recordings written down over OpenAI's transcription API, by the official SDK: our own speech server's, or another."""

from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, Timeout

from firstline.ports import PortError, Rejected

_FINAL = {400, 401, 403, 404, 413, 415, 422}


class OpenAITranscription:
    """`ports.Transcription`."""

    def __init__(self, base_url: str, api_key: str, model: str, *, timeout: float = 4.0) -> None:
        """`base_url` ends before `/audio/transcriptions`; empty means OpenAI's. Seconds."""
        self._model = model
        # A caller waits for the words: what did not come at once is not worth a second try.
        self._client = AsyncOpenAI(
            api_key=api_key or "none", base_url=base_url or None, timeout=Timeout(timeout, connect=1.0), max_retries=0
        )

    async def words(self, recording: bytes, language: str) -> str:
        """The words in a recording (a whole file: WAV, FLAC, Ogg or MP3); empty when nobody spoke."""
        try:
            found = await self._client.audio.transcriptions.create(
                model=self._model, file=("turn.wav", recording), language=language
            )
        except APIStatusError as error:
            kind = Rejected if error.status_code in _FINAL else PortError
            raise kind(f"the transcription server answered {error.status_code}") from error
        except (APIConnectionError, APIError) as error:
            raise PortError(f"the transcription server cannot be reached: {type(error).__name__}") from error
        return found.text.strip()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()
