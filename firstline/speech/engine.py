"""The models of one process, loaded once and warm: what every session of the server shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from firstline.speech.answer import Answerer
from firstline.speech.audio import MODEL_RATE, AudioFormat, Samples
from firstline.speech.extract import Embed
from firstline.speech.hear import SpeechProbability
from firstline.speech.models import load_detector, load_piper, load_whisper, voice_file, whisper_folder
from firstline.speech.policy import ToolBoundAnswerer
from firstline.speech.speak import LocalSpeaker, Speaker, SpeakerVoice
from firstline.speech.transcribe import Transcriber


class SpeechEngine:
    """Hears, writes down, answers and speaks, for any number of sessions."""

    def __init__(self, transcriber: Transcriber, speaker: Speaker, answerer: Answerer) -> None:
        self.transcriber = transcriber
        self.speaker = speaker
        self.answerer = answerer

    @classmethod
    def load(
        cls,
        whisper: str = "packaged:tiny.en",
        voice: str = "packaged:joe-us",
        *,
        voices: Mapping[str, str] | None = None,
        embed: Embed | None = None,
        answerer: Answerer | None = None,
        speaker: Callable[[Speaker], Speaker] | None = None,
        cache: Path | None = None,
        threads: int = 2,
        device: str = "cpu",
        compute: str = "int8",
    ) -> SpeechEngine:
        """Load and warm up the models (2 to 4 s); call it in a thread.

        `whisper` and `voice` are settings as `models` explains them; `voices` maps further languages (ISO 639-1) to
        Piper voices, without which eSpeak NG speaks them; `embed` refines which sentences the keyless answerer reads
        out; `answerer` takes its place; `speaker` is handed the local voice and returns the one to use; `cache` is
        where models are put together or fetched to; `threads` are each model's, `device` and `compute` Whisper's.
        Raises `ModelFileError`.
        """
        transcriber = Transcriber(load_whisper(whisper_folder(whisper, cache), threads, device, compute))
        named = {"en": voice, **(voices or {})}
        local = LocalSpeaker({language: load_piper(voice_file(name), threads) for language, name in named.items()})
        # The first run of each model is slow; no caller should pay for it.
        local.say("Warming up, so that nobody has to wait.", "en", AudioFormat.PCMU)
        transcriber.read(np.zeros(2 * MODEL_RATE, np.float32), MODEL_RATE, "en")
        return cls(transcriber, speaker(local) if speaker else local, answerer or ToolBoundAnswerer(embed))

    def speech_probability(self) -> SpeechProbability:
        """A speech detector for one session."""
        detector = load_detector()

        def probability(frame: Samples) -> float:
            return float(detector.process_samples(frame.tolist()))

        return probability

    @property
    def voice(self) -> SpeakerVoice:
        """The same voice for what is spoken outside the model."""
        return SpeakerVoice(self.speaker)

    def close(self) -> None:
        """Let the worker threads end."""
        self.transcriber.close()
        self.speaker.close()
