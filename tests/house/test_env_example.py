"""`.env.example` says of every setting what the code does."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from firstline.settings import Settings
from tests.house.env_example import documented, settings
from tests.house.repository import ROOT
from workers.wiring_settings import BadSettings, load_settings, not_for_production


def code_defaults() -> dict[str, str]:
    """Default of every setting by its environment variable, as somebody would write it into a file."""
    found = {}
    for name, field in Settings.model_fields.items():
        assert isinstance(field.validation_alias, str), f"Settings.{name} has no environment variable of its own"
        default = field.default
        assert default is not PydanticUndefined, f"{field.validation_alias} has no default"
        found[field.validation_alias] = str(default.get_secret_value() if isinstance(default, SecretStr) else default)
    return found


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting set."""
    for name in code_defaults():
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(settings()) == set(code_defaults())


def test_every_documented_default_is_the_code_s() -> None:
    assert {name: variable.default for name, variable in settings().items()} == code_defaults()


def test_no_variable_is_documented_twice() -> None:
    counted = Counter(variable.name for variable in documented())

    assert [name for name, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("variable", documented(), ids=lambda variable: variable.name)
def test_every_variable_has_a_section_and_an_explanation_in_a_sentence(variable: object) -> None:
    assert getattr(variable, "section", "")
    assert re.match(r"\S.{15,}\.( |$)", getattr(variable, "explanation", ""))


@pytest.mark.usefixtures("bare_environment")
def test_what_is_marked_as_required_is_what_production_refuses_to_start_without() -> None:
    marked = {name for name, variable in settings().items() if "Required in production" in variable.explanation}

    problems = not_for_production(Settings(FIRSTLINE_ENV="production"))

    assert marked == {problem.split()[0] for problem in problems}


@pytest.mark.usefixtures("bare_environment")
def test_production_names_every_missing_secret_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_ENV", "production")

    with pytest.raises(BadSettings) as refused:
        load_settings()

    line = str(refused.value)
    assert "\n" not in line
    assert all(name in line for name in ("TWILIO_AUTH_TOKEN", "PAGERDUTY_ROUTING_KEY", "DATABASE_URL"))


def test_no_variable_is_read_past_the_settings() -> None:
    # FIRSTLINE_DEMO_BEGAN is the Makefile's word to `firstline demo`, FIRSTLINE_TRACEBACK a developer's switch.
    internal = {"FIRSTLINE_DEMO_BEGAN", "FIRSTLINE_TRACEBACK"}
    rooms = [ROOT / name for name in ("firstline", "workflows", "activities", "workers", "realtime_bridge")]
    read = {
        name
        for path in (path for room in rooms for path in sorted(Path(room).rglob("*.py")))
        for name in re.findall(r"""environ(?:\.get\(|\[)\s*["']([A-Z0-9_]+)""", path.read_text("utf-8"))
    }

    assert read - set(code_defaults()) == internal
