"""Speech by rule with eSpeak NG, for languages that no neural voice is at hand for.

It sounds like a machine and is clear: every language of eSpeak NG, a few milliseconds a sentence, no model file.
"""

import ctypes
import threading
from functools import cache

import espeakng_loader  # type: ignore[import-untyped]
import numpy as np

from firstline.speech.audio import Samples

VOICES = {"en": "en-us", "es": "es-419"}
"""ISO 639-1 -> eSpeak NG's name (es-419: Latin American Spanish); other codes are names themselves."""

WORDS_A_MINUTE = 135
"""Slower than eSpeak's own 175: a telephone carries little above 3.4 kHz."""

# Constants of espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_RATE = 1
_UTF8 = 1
_READ_MS = 200

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class FormantVoice:
    """eSpeak NG. The library has one state for the whole process, so there is one instance: `formant_voice()`."""

    def __init__(self) -> None:
        """Raises `OSError` when the library does not load."""
        self._lock = threading.Lock()
        self._made: list[Samples] = []
        self._espeak = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate = int(self._espeak.espeak_Initialize(_SYNCHRONOUS, _READ_MS, data, 0))
        if self.rate <= 0:
            raise OSError("eSpeak NG did not start; run: pip install --force-reinstall --no-deps espeakng-loader")
        # Kept: the library holds only a pointer to it.
        self._callback = _CALLBACK(self._take)
        self._espeak.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, language: str, speed: float) -> Samples:
        """The text at `self.rate` Hz; nothing for a text without words. Raises `OSError` for an unknown language."""
        data = text.encode()
        with self._lock:
            self._made = []
            if self._espeak.espeak_SetVoiceByName(VOICES.get(language, language).encode()) != 0:
                raise OSError(f"eSpeak NG has no voice for language {language!r}")
            self._espeak.espeak_SetParameter(_RATE, round(WORDS_A_MINUTE * speed), 0)
            self._espeak.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
            return np.concatenate(self._made) if self._made else np.zeros(0, np.float32)

    def _take(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if wave and count > 0:
            self._made.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32) / np.float32(32768))
        return 0


@cache
def formant_voice() -> FormantVoice:
    """The process's one eSpeak NG. Raises `OSError`."""
    return FormantVoice()
