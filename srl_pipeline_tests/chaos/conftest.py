"""Fixtures of the chaos suite: a begetter of processes, and the table of what was suffered."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline_tests.chaos import faults
from srl_pipeline_tests.chaos.child import Begetter
from srl_pipeline_tests.chaos.experiment import Laboratory
from srl_pipeline_tests.chaos.faults import Fault
from srl_pipeline_tests.chaos.summary import Tally, table

REPORT = "SRL_CHAOS_REPORT"
"""Environment variable: a file for the table as JSON."""
PROPERTY = "chaos"
LIGHT = tuple(f"srl_pipeline_tests.chaos.{module}" for module in ("making", "keeping", "ticking"))
"""Imported once, before the first life."""

Record = Callable[[str, str, str], None]


@pytest.fixture(scope="session")
def begetter() -> Iterator[Begetter]:
    """Processes that know the stores."""
    with Begetter(LIGHT) as begetter:
        yield begetter


@pytest.fixture(scope="session")
def heavy_begetter() -> Iterator[Begetter]:
    """Processes that know the libraries of the lore index and of a generation as well."""
    with Begetter(
        (*LIGHT, "srl_pipeline_tests.chaos.generating", "torch", "transformers", "lancedb", "openai")
    ) as begetter:
        yield begetter


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from srl_pipeline_tests.chaos.generating import encoder

    return encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def lore(
    heavy_begetter: Begetter, small_encoder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Laboratory:
    """Lives of the lore index."""
    from srl_pipeline_tests.chaos.generating import lore_template

    for name, value in small_encoder.items():
        monkeypatch.setenv(name, value)
    template = lore_template(tmp_path / "template")
    return Laboratory("lore index", heavy_begetter, tmp_path, template, lambda _: small_encoder)


@pytest.fixture
def generation(
    heavy_begetter: Begetter, small_encoder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Laboratory:
    """Lives of a paid generation."""
    from srl_pipeline_tests.chaos.generating import paid_environment, paid_template, vendor

    with socket.create_server(("127.0.0.1", 0)) as free:  # the same for all: it is part of the teacher's version
        port = free.getsockname()[1]
    template = tmp_path / "template"
    for name, value in (small_encoder | paid_environment(template)).items():
        monkeypatch.setenv(name, value)
    paid_template(template, port)
    return Laboratory(
        "generation",
        heavy_begetter,
        tmp_path,
        template,
        lambda home: small_encoder | paid_environment(home),
        lambda home: vendor(home, port),
    )


@pytest.fixture
def suffered(request: pytest.FixtureRequest) -> Iterator[Callable[[str, Fault | str, str], None]]:
    """Takes driver, fault and what was broken (empty: nothing); fails the test in the end where anything was."""
    broken: list[str] = []

    def record(driver: str, fault: Fault | str, wrong: str) -> None:
        kind = fault.kind if isinstance(fault, Fault) else fault
        request.node.user_properties.append((PROPERTY, [driver, kind, not wrong]))
        if wrong:
            broken.append(wrong)

    yield record
    assert not broken, f"{len(broken)} faults broke something:\n" + "\n".join(broken[:20])


def pytest_report_header() -> str:
    return f"chaos: {faults.SEED}={faults.seed()}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table of all faults of this run, and the same as JSON where it was asked for."""
    tally = Tally()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call" or getattr(report, "when", "") == "teardown":
                tally.take(report.nodeid, [v for k, v in getattr(report, "user_properties", []) if k == PROPERTY])
    if not tally.rows:
        return
    terminalreporter.section(f"chaos, seed {faults.seed()}")
    terminalreporter.write(table(tally.rows))
    if file := os.environ.get(REPORT):
        Path(file).write_text(json.dumps({"seed": faults.seed(), "faults": tally.as_json()}, indent=1) + "\n")
