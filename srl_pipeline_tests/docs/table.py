"""Test-only: how each command of the documentation is tried. A command with two rows, or a row for none, fails.

A command of `srl-pipeline` without a row is executed as it is written, in the installation that `world` prepares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

How = Literal["run", "server", "dry", "settled", "make", "tool", "shell", "elsewhere", "not"]
KINDS: dict[How, str] = {
    "run": "executed",
    "server": "executed: started, answers, stopped",
    "shell": "executed by a shell",
    "dry": "something smaller is executed",
    "settled": "arguments read, settings resolved",
    "make": "`make -n`; commands of ours in its recipe are looked up",
    "tool": "the tool itself reads the words, where it is installed",
    "elsewhere": "executed by another test",
    "not": "not executed",
}


@dataclass(frozen=True)
class Row:
    """How commands of one pattern are tried.

    Attributes:
        instead: What is executed; empty: what is written. For `elsewhere` the file of the test.
        status: Exit statuses that are right.
        given: What holds before, beside the prepared installation.
        asks: Path that a server has to answer.
    """

    pattern: str
    how: How
    reason: str = ""
    instead: str = ""
    status: tuple[int, ...] = (0,)
    given: Literal["", "a candidate waits", "nothing is frozen"] = ""
    asks: str = ""


NAMED = "a name in a sentence, no whole command"
HOURS = "takes from a quarter of an hour to days"
MINUTE = "a training of its own, a minute; CI trains all types with `make smoke`"
SECONDS = "twenty seconds for all packs; one stands for them"
CLUSTER = "needs a cluster; srl_pipeline_tests/k8s has a control plane"
ACCOUNT = "needs an AWS account; srl_pipeline_tests/infra applies to an emulator"

ROWS = [
    Row(r"srl-pipeline (run|ablate|export|rollback)", "dry", NAMED, r"srl-pipeline \1 --help"),
    Row(r"srl-pipeline metrics --listen", "dry", NAMED, "srl-pipeline metrics --help"),
    Row(r"srl-pipeline run \S+ --preset (embedded|gpu|paper).*", "settled", HOURS),
    Row(r"srl-pipeline run TYPE (--preset smoke )?--set .*", "settled", MINUTE),
    Row(r"srl-pipeline ablate \S+ .+", "settled", HOURS),
    Row(r"srl-pipeline chain .*", "elsewhere", ACCOUNT, "infra/trained.py"),
    Row(r"srl-pipeline state create", "elsewhere", ACCOUNT, "cli/test_state.py"),
    Row(r"srl-pipeline export .* --mlflow URI", "elsewhere", "MLflow is optional", "promotion/test_mlflow_export.py"),
    Row(r"srl-pipeline packs check( NAME| TYPE)?", "dry", SECONDS, "srl-pipeline packs check sounds"),
    Row(r"srl-pipeline packs stats( NAME| TYPE)?", "dry", SECONDS, "srl-pipeline packs stats {type}"),
    Row(r"srl-pipeline promote .*", "run", given="a candidate waits"),
    Row(
        r"(srl-pipeline packs freeze .*)",
        "run",
        "the small pack has too few scenarios for 200",
        r"\1 --count 60",
        given="nothing is frozen",
    ),
    Row(r"srl-pipeline doctor.*", "run", "what it says depends on the machine", status=(0, 1)),
    Row(r"(srl-pipeline tune .* --confirm)", "run", "it looks twice a minute", r"\1 --poll 0.05"),
    Row(
        r"(srl-pipeline serve (?!.*--check).*)",
        "server",
        "the port is a free one",
        r"\1 --port {port}",
        asks="/healthz",
    ),
    Row(
        r"srl-pipeline metrics --listen \S+",
        "server",
        "the port is a free one",
        "srl-pipeline metrics --listen 127.0.0.1:{port}",
        asks="/metrics",
    ),
    Row(r"make .*", "make", "installs, trains or tests: minutes to hours"),
    Row(
        r"(python benchmarks/\w+\.py)( .*)?", "dry", "a minute or more; benchmarks/ has tests of its own", r"\1 --help"
    ),
    Row(r"python -m srl_pipeline\.stages", "elsewhere", "reads a request of its parent", "launchers/test_local.py"),
    Row(
        r"pytest -k fidelity",
        "dry",
        "make test runs them",
        "pytest -k fidelity --collect-only -p no:cacheprovider srl_pipeline_tests/training/fidelity",
    ),
    Row(r"(dagster dev|dagster-webserver --read-only)", "dry", "ends when it is told to", r"\1 --help"),
    Row(r"kubectl .+", "tool", CLUSTER),
    Row(r"helm .+", "tool", CLUSTER),
    Row(r"docker build .+", "tool", "builds an image of gigabytes"),
    Row(r"docker push .+", "tool", "needs a registry"),
    Row(r"(aws eks update-nodegroup-config .+)", "tool", ACCOUNT),
    Row(r"terraform .+", "tool", ACCOUNT),
    Row(r"promtool .+", "tool", "it is there where Prometheus is"),
    Row(r"gcloud auth .+", "not", "logs a person in at Google"),
    Row(r"pip install -c constraints\.txt mlflow-skinny", "not", "fetches a package"),
    Row(r"git rev-parse HEAD", "shell"),
    Row(r"\. \.venv/bin/activate", "shell", "the environment that is there", ". {environment}/bin/activate"),
    Row(r"cd \S+", "shell"),
    Row(r"export .+", "shell"),
    Row(
        r"cp (terraform\.tfvars|backend\.hcl)\.example \1",
        "shell",
        "the folder is left as it is",
        r"cat infra/terraform/*/\1.example > {folder}/\1",
    ),
]

PLACEHOLDERS = [
    (r"srl-pipeline packs new", r"\bNAME\b", "towers"),
    (r"srl-pipeline teachers", r"\bNAME\b", "search"),
    (r"srl-pipeline settings", r"\bNAME\b", "generation.teacher"),
    (r"srl-pipeline (?!teach |lore )", r"\b(TYPE|buildings|trees)\b", "{type}"),
    (r"srl-pipeline (teach|lore)", r"\bTYPE\b", "{type}"),
    (r"srl-pipeline tunings", r"\bKEY\b", "{job}"),
    (r"srl-pipeline tune", r"\bP\b", "openai"),
    (r"srl-pipeline", r"\bVERSION\b", "{candidate}"),
    (r"srl-pipeline", r"\bFOLDER\b", "{folder}"),
    (r"srl-pipeline", r'"(…|why)"', '"It was said so."'),
    (r"aws", r"…", "a-name"),
]
"""Beginning of commands, what stands in them for something of the reader's, what it is here."""


def row_of(command: str) -> Row | None:
    """The row of a command; raises AssertionError where two would do."""
    fit = [row for row in ROWS if re.fullmatch(row.pattern, command)]
    assert len(fit) < 2, f"{command!r} fits {[row.pattern for row in fit]}"
    if fit:
        return fit[0]
    return Row(r".*", "run") if command.startswith("srl-pipeline ") else None


def words_for(row: Row, command: str) -> str:
    """What is executed, with ``{name}`` where the prepared installation has a value."""
    text = re.sub(row.pattern, row.instead, command) if row.instead else command
    for beginning, placeholder, value in PLACEHOLDERS:
        if re.match(beginning, text):
            text = re.sub(placeholder, value, text)
    return text


def filled(text: str, values: Mapping[str, object]) -> str:
    """``text`` with the values of its names in braces; other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text)
