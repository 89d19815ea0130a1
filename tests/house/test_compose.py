"""`docker-compose.yml` runs what the command line has, sets what the settings know, and watches every service."""

import re
import tomllib
from typing import Any

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from firstline.names import dial_task_queue
from firstline.settings import Settings
from tests.house.compose import compose_text, interpolated, ours, runs_to_its_end, services
from tests.house.env_example import compose_only, settings
from tests.house.repository import ROOT
from workers.cli import app

OUR_NAMES = sorted(ours())
EVERY_NAME = sorted(services())


def known() -> set[str]:
    return {str(field.validation_alias) for field in Settings.model_fields.values()}


class TestOurProcesses:
    def test_are_the_bridge_the_worker_and_speech(self) -> None:
        assert {"bridge", "worker", "speech"} <= set(OUR_NAMES)

    @pytest.mark.parametrize("name", OUR_NAMES)
    def test_run_a_command_that_the_command_line_has(self, name: str) -> None:
        command: Any = typer.main.get_command(app)
        for word in services()[name]["command"]:
            assert isinstance(command, TyperGroup), f"{word} is one word too many"
            assert word in command.commands
            command = command.commands[word]

        assert not isinstance(command, TyperGroup), "a group of commands is no command"

    @pytest.mark.parametrize("name", OUR_NAMES)
    def test_set_only_variables_that_are_settings(self, name: str) -> None:
        assert set(services()[name]["environment"]) <= known() | compose_only()

    @pytest.mark.parametrize("name", OUR_NAMES)
    def test_run_in_production_and_take_the_rest_from_the_env_file(self, name: str) -> None:
        service = services()[name]

        assert service["environment"]["FIRSTLINE_ENV"] == "production"
        assert service["env_file"] == ".env"

    @pytest.mark.parametrize("name", OUR_NAMES)
    def test_are_accepted_by_the_settings_once_the_secrets_are_there(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable in known():
            monkeypatch.delenv(variable, raising=False)
        for variable, value in services()[name]["environment"].items():
            monkeypatch.setenv(variable, re.sub(r"\$\{[A-Z0-9_]+:-(.*?)\}", r"\1", value))

        read = Settings()

        assert read.env == "production"
        assert read.realtime_endpoint == "ws://speech:8082/v1/realtime"

    @pytest.mark.parametrize("name", OUR_NAMES)
    def test_are_not_root(self, name: str) -> None:
        user = services()[name]["user"].split(":")[0]

        assert user.isdigit()
        assert int(user) > 0
        assert f"--uid {user} " in (ROOT / "Dockerfile").read_text("utf-8")

    @pytest.mark.parametrize("name", OUR_NAMES)
    def test_keep_their_state_and_the_archive_in_volumes_that_the_image_lets_them_write(self, name: str) -> None:
        dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
        mounted = [volume.split(":")[1] for volume in services()[name]["volumes"]]

        assert services()[name]["environment"]["FIRSTLINE_HOME"] in mounted
        for place in mounted:
            assert re.search(rf"install -d -o \d+ -g \d+ .*{place}( |$)", dockerfile, re.MULTILINE)

    def test_carry_the_project_s_version(self) -> None:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

        assert {service["image"] for service in ours().values()} == {f"firstline:{version}"}

    def test_wait_for_temporal_except_for_the_bridge_which_answers_without_it(self) -> None:
        assert "temporal" in services()["worker"]["depends_on"]
        assert "temporal" not in services()["bridge"]["depends_on"]


class TestEveryService:
    @pytest.mark.parametrize("name", EVERY_NAME)
    def test_has_a_health_check_or_runs_to_its_end(self, name: str) -> None:
        if runs_to_its_end(name):
            assert services()[name]["restart"].startswith("on-failure")
            return
        check = services()[name]["healthcheck"]

        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)

    @pytest.mark.parametrize("name", EVERY_NAME)
    def test_that_others_wait_for_the_health_of_has_a_health_check(self, name: str) -> None:
        for other, needed in services()[name].get("depends_on", {}).items():
            assert other in services()
            assert needed["condition"] in {"service_healthy", "service_completed_successfully"}
            assert ("healthcheck" in services()[other]) == (needed["condition"] == "service_healthy")

    @pytest.mark.parametrize("name", EVERY_NAME)
    def test_pins_its_image(self, name: str) -> None:
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+[\w.-]*", services()[name]["image"])

    @pytest.mark.parametrize("name", EVERY_NAME)
    def test_comes_back_when_it_dies(self, name: str) -> None:
        assert re.fullmatch(r"unless-stopped|on-failure:\d+", services()[name]["restart"])

    @pytest.mark.parametrize("name", EVERY_NAME)
    def test_publishes_its_ports_on_this_host_alone(self, name: str) -> None:
        for port in services()[name].get("ports", []):
            assert port.startswith("127.0.0.1:")

    @pytest.mark.parametrize("name", EVERY_NAME)
    def test_mounts_only_volumes_that_are_declared(self, name: str) -> None:
        declared = set(yaml.safe_load(compose_text())["volumes"])

        assert {volume.split(":")[0] for volume in services()[name].get("volumes", [])} <= declared


class TestTemporal:
    def test_gives_the_dial_queue_one_partition_so_that_its_limit_is_not_shared_out(self) -> None:
        config = yaml.safe_load(yaml.safe_load(compose_text())["configs"]["temporal-dynamic-config"]["content"])

        for side in ("Read", "Write"):
            [value] = config[f"matching.numTaskqueue{side}Partitions"]
            assert value == {"value": 1, "constraints": {"taskQueueName": dial_task_queue()}}


class TestVariables:
    def test_that_compose_fills_in_are_settings_or_documented_for_compose(self) -> None:
        assert interpolated() <= known() | compose_only()

    def test_documented_for_compose_are_read_by_it(self) -> None:
        assert compose_only() <= interpolated()

    def test_mentioned_by_name_in_its_comments_are_documented(self) -> None:
        mentioned = set(re.findall(r"\bFIRSTLINE_[A-Z_]+", compose_text()))

        assert mentioned <= set(settings())

    def test_that_are_passwords_have_no_default(self) -> None:
        secrets = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|TOKEN|KEY)[A-Z_]*)(:.)", compose_text())

        assert secrets
        assert {operator for _, operator in secrets} == {":?"}

    def test_that_choose_a_port_have_the_settings_default(self) -> None:
        defaults = {str(field.validation_alias): str(field.default) for field in Settings.model_fields.values()}
        ports = dict(re.findall(r"\$\{(FIRSTLINE_[A-Z_]*PORT):-(\d+)\}", compose_text()))

        assert ports
        assert ports == {name: defaults[name] for name in ports}
