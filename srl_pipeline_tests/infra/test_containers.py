"""The container files, read as a linter reads them: no engine builds them here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from srl_pipeline.launchers.child import ENTRY_POINT
from srl_pipeline_tests.infra.rendered import data, of_kind, render

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "infra" / "containers"
FILES = sorted(CONTAINERS.glob("*.Dockerfile"))
BUILD_TOOLS = ("gcc", "g++", "build-essential", "git", "make", "python3-dev")
PINNED = re.compile(r"^[a-z0-9._/-]+(:[A-Za-z0-9._-]*\d[A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})$")


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str


@dataclass(frozen=True)
class Stage:
    base: str
    name: str
    instructions: list[Instruction]

    def all(self, word: str) -> list[str]:
        return [one.rest for one in self.instructions if one.word == word]


def instructions(text: str) -> list[Instruction]:
    """Comments and continuations resolved."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


def stages(file: Path) -> list[Stage]:
    """The stages of a container file; arguments in FROM are replaced by their defaults."""
    defaults: dict[str, str] = {}
    found: list[Stage] = []
    for one in instructions(file.read_text()):
        if one.word == "ARG" and not found:
            name, _, value = one.rest.partition("=")
            defaults[name] = value
        elif one.word == "FROM":
            base, _, name = re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], one.rest).partition(" AS ")
            found.append(Stage(base, name, []))
        else:
            found[-1].instructions.append(one)
    return found


each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def test_there_is_one_for_the_control_plane_and_one_that_trains() -> None:
    assert [file.name for file in FILES] == ["control-plane.Dockerfile", "trainer.Dockerfile"]


@each
def test_every_base_has_a_fixed_version(file: Path) -> None:
    for stage in stages(file):
        assert PINNED.match(stage.base) and "latest" not in stage.base


@each
def test_what_is_installed_is_held_to_the_constraints(file: Path) -> None:
    installs = [run for stage in stages(file) for run in stage.all("RUN") if re.search(r"pip .*\binstall\b", run)]
    assert installs
    for run in installs:
        assert run.count("install ") == run.count("--constraint /build/constraints.txt") == run.count("--no-cache-dir")
    names = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    asked = {word for run in installs for word in re.findall(r"(?<=\s)(?:dagster[\w-]*|torch|llm-\S+|gt-\S+)", run)}
    assert asked and {name.partition("==")[0] for name in asked} <= names


@each
def test_the_last_stage_is_new_and_holds_no_tool_that_builds_or_installs(file: Path) -> None:
    build, last = stages(file)
    assert build.name == "build" and last.name == ""
    assert any("pip uninstall --yes setuptools wheel pip" in run for run in last.all("RUN"))
    assert not any(tool in run.split() for stage in (build, last) for run in stage.all("RUN") for tool in BUILD_TOOLS)
    assert not any(re.search(r"\binstall\b", run.replace("uninstall", "")) for run in last.all("RUN"))
    assert last.all("COPY") == ["--from=build /opt/srl /opt/srl"]
    assert "--without-pip" in build.all("RUN")[0]


@each
def test_it_runs_as_a_user_by_number_that_the_chart_names_too(file: Path) -> None:
    last = stages(file)[-1]
    assert last.all("USER") == ["10001:10001"] and last.instructions[-2].word == "USER"
    server = of_kind(render({}), "Deployment")["demo-webserver"]["spec"]["template"]["spec"]
    assert (server["securityContext"]["runAsUser"], server["securityContext"]["runAsGroup"]) == (10001, 10001)


@each
def test_no_secret_is_in_it_and_nothing_is_fetched_but_packages(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"(?i)(token|secret|password|api_key)\s*=", text)
    assert not re.search(r"\bADD\b|curl|wget|https?://", text)


@each
def test_only_what_is_copied_is_sent_to_the_builder(file: Path) -> None:
    rules = [line for line in Path(f"{file}.dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    kept = {line[1:] for line in rules if line.startswith("!")}
    copied = {
        source
        for stage in stages(file)
        for copy in stage.all("COPY")
        if "--from" not in copy
        for source in copy.split()[:-1]
    }
    assert kept == copied and all((ROOT / source).exists() for source in copied)
    assert not any(fnmatch(source, secret) for source in kept for secret in ("*.env", ".git*", "*.tfstate", ".srl"))


def test_all_that_the_package_needs_to_be_built_is_copied() -> None:
    build = stages(CONTAINERS / "trainer.Dockerfile")[0]
    copied = {source for copy in build.all("COPY") for source in copy.split()[:-1]}
    for name in re.findall(r'^(?:readme|license-files?) = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.M):
        assert name in copied or not (ROOT / name).exists()
    assert {"pyproject.toml", "README.md", "srl_pipeline"} <= copied


def test_postgres_storage_goes_with_the_other_libraries_of_dagster() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    own = dict(line.split("==") for line in (CONTAINERS / "postgres.txt").read_text().splitlines() if "==" in line)
    assert own["dagster-postgres"] == pins["dagster-k8s"] == pins["dagster-aws"]


def test_the_commands_of_the_chart_are_those_of_the_packages() -> None:
    from importlib.metadata import entry_points

    scripts = {one.name for one in entry_points(group="console_scripts")}
    for found in of_kind(render({}), "Deployment").values():
        container = found["spec"]["template"]["spec"]["containers"][0]
        commands = [container["command"]] + [
            probe["exec"]["command"] for name, probe in container.items() if name.endswith("Probe") and "exec" in probe
        ]
        assert {command[0] for command in commands} <= scripts


def test_a_training_is_started_alike_by_the_image_and_by_a_pod() -> None:
    alike = ["python", *ENTRY_POINT]
    assert json.loads(stages(CONTAINERS / "trainer.Dockerfile")[-1].all("CMD")[0]) == alike
    (container,) = data(render({"training": {"ownPod": True}}), "files", "training-pod.yaml")["spec"]["containers"]
    assert container["command"] == alike
