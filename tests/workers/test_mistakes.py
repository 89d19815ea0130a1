"""A user's mistake is one line on stderr that names the input and the fix, and exit code 2."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from workers.cli import app
from workers.ports_in_use import PortInUse, free_port, require_free
from workers.recordings import BadRecording, telephone_audio
from workers.wiring_settings import BadSettings, load_settings


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and stderr of a `firstline` command, in a process of its own as a user runs it."""
    command = [sys.executable, "-m", "workers.cli", *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.strip()


class TestRecordings:
    def test_what_is_no_wav_is_refused_before_anything_rings(self, tmp_path: Path) -> None:
        file = tmp_path / "noise.wav"
        file.write_text("not a wav")

        code, line = run("call", "--wav", str(file))

        assert (code, line.count("\n")) == (2, 0)
        assert "noise.wav: not a WAV file" in line

    def test_a_file_that_is_not_there_is_named(self) -> None:
        assert run("call", "--wav", "nowhere.wav") == (2, "firstline: nowhere.wav: there is no such file")

    @pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
    @pytest.mark.parametrize("channels", [1, 2])
    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "ULAW"])
    def test_every_usual_wav_becomes_telephone_audio(
        self, tmp_path: Path, rate: int, channels: int, subtype: str
    ) -> None:
        file = tmp_path / "tone.wav"
        tone = 0.4 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
        soundfile.write(file, np.repeat(tone[:, None], channels, axis=1), rate, subtype=subtype)

        audio = telephone_audio(file)

        assert abs(len(audio) - 8000) <= 8

    @pytest.mark.parametrize("rate", [4000, 96000])
    def test_a_rate_outside_of_telephony_is_refused(self, tmp_path: Path, rate: int) -> None:
        file = tmp_path / "odd.wav"
        soundfile.write(file, np.zeros(rate), rate)

        with pytest.raises(BadRecording, match="between 8000 and 48000 Hz"):
            telephone_audio(file)

    def test_an_empty_wav_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "empty.wav"
        soundfile.write(file, np.zeros(0), 8000)

        with pytest.raises(BadRecording, match="holds no audio"):
            telephone_audio(file)


class TestPorts:
    def test_one_in_use_names_who_holds_it_and_how_to_choose_another(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]

            with pytest.raises(PortInUse, match=rf"port {port} .*pid \d+.*FIRSTLINE_PORT=<port>"):
                require_free("127.0.0.1", port, "FIRSTLINE_PORT")

    def test_a_free_one_is_nobodys_problem(self) -> None:
        require_free("127.0.0.1", free_port(), "FIRSTLINE_PORT")


class TestSettings:
    def test_a_value_that_does_not_fit_is_named(self) -> None:
        code, line = run("serve", "bridge", FIRSTLINE_PORT="many")

        assert code == 2
        assert line.startswith("firstline: FIRSTLINE_PORT='many'")

    def test_production_refuses_simulators_and_default_secrets(self) -> None:
        code, line = run("serve", "bridge", FIRSTLINE_ENV="production")

        assert code == 2
        assert "TWILIO_AUTH_TOKEN still has its local default" in line

    @pytest.mark.parametrize(
        ("given", "line"),
        [
            (
                {"LANGFUSE_HOST": "https://cloud.langfuse.com", "LANGFUSE_SECRET_KEY": "sk"},
                "LANGFUSE_HOST is set and LANGFUSE_PUBLIC_KEY is not: set all three, or none",
            ),
            ({"PAGERDUTY_API_KEY": "u+key"}, "neither PAGERDUTY_ESCALATION_POLICY_ID nor PAGERDUTY_SCHEDULE_ID is"),
            ({"FIRSTLINE_REP_NUMBERS": "+15550100201, 555-0100"}, "'555-0100' is not in international format"),
            ({"PAGERDUTY_SCHEDULE_ID": "PI7DH85"}, "PAGERDUTY_SCHEDULE_ID is set and PAGERDUTY_API_KEY is not"),
        ],
    )
    def test_what_cannot_work_is_refused_with_what_is_missing(
        self, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], line: str
    ) -> None:
        for name, value in given.items():
            monkeypatch.setenv(name, value)

        with pytest.raises(BadSettings, match=line):
            load_settings()

    def test_a_model_that_is_not_there_is_named(self) -> None:
        port = str(free_port())

        code, line = run("serve", "speech", FIRSTLINE_WHISPER_MODEL="/nowhere", FIRSTLINE_SPEECH_PORT=port)

        assert code == 2
        assert "/nowhere" in line


class TestDeciding:
    def test_says_what_the_policy_says(self) -> None:
        result = CliRunner().invoke(app, ["decide", "I want my money back"])

        assert result.exit_code == 0
        assert "refund_promise" in result.stdout

    def test_has_nothing_against_a_plain_question(self) -> None:
        result = CliRunner().invoke(app, ["decide", "How do I reset my password?", "--confidence", "0.9"])

        assert "allowed   no" in result.stdout
