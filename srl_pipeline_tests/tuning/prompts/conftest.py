"""A school for one test: a fresh home, the small pack, and servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from srl_pipeline.model_types import new_pack
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK
from srl_pipeline_tests.tuning.prompts.searching import School
from srl_pipeline_tests.vendors import AnthropicServer, Brain, FaultPlan, OpenAIServer, VendorServer

SECRET = "test-key-4410-never-shown"
SERVERS: dict[str, type[VendorServer]] = {s.vendor: s for s in (OpenAIServer, AnthropicServer)}
Serve = Callable[..., tuple[School, VendorServer]]


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small pack, which no test here changes."""
    folder = tmp_path_factory.mktemp("school")
    new_pack(PACK, folder)
    return folder


@pytest.fixture
def school(tmp_path: Path, packs: Path) -> Iterator[School]:
    with at_home(tmp_path, packs) as found:
        yield found


@contextmanager
def at_home(folder: Path, packs: Path) -> Iterator[School]:
    """A fresh installation that the program finds, until the block is left."""
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRL_HOME", str(home))
        patch.setenv("SRL_PACKS", str(packs))
        patch.setenv("SRL_TEACHERS", str(home / "teachers.yaml"))
        patch.setenv(KEY_VARIABLE, SECRET)
        for unset in ("SRL_SETTINGS", "SRL_TUNED_TEACHERS"):
            patch.delenv(unset, raising=False)
        yield School(home)


@pytest.fixture
def taught_by(tmp_path: Path, school: School) -> Iterator[Serve]:
    """Hires a teacher with this brain, behind a server; a wrong request or answer fails the test."""
    with ExitStack() as running:

        def start(
            brain: Brain, vendor: str = "openai", faults: str = "", **changes: object
        ) -> tuple[School, VendorServer]:
            server = running.enter_context(serving(tmp_path, brain, vendor, faults))
            return school.hire(vendor, server.url, **changes), server

        yield start


@contextmanager
def serving(folder: Path, brain: Brain, vendor: str = "openai", faults: str = "") -> Iterator[VendorServer]:
    plan = FaultPlan.parse(faults, seed=5) if faults else None
    log = folder / "log.jsonl"
    with SERVERS[vendor](log, answer=brain, faults=plan, key=SECRET, honours_idempotency=True) as server:
        yield server
    assert server.invalid == []
