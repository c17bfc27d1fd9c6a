"""Every command of the documentation is tried: ours in a prepared installation, others as `table` says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from srl_pipeline_tests.docs.markdown import Command, blocks, fenced_commands, inline_commands
from srl_pipeline_tests.docs.notation import expand, faults
from srl_pipeline_tests.docs.table import KINDS, PLACEHOLDERS, ROWS, Row, filled, row_of, words_for
from srl_pipeline_tests.docs.test_site import DOCUMENTS, ROOT, text
from srl_pipeline_tests.operation.workshop import PACK

FOLLOWED = {"docs/tutorial.md": "test_tutorial.py", "docs/own-teacher.md": "test_own_teacher.py"}
"""Documents whose blocks a test follows word for word: here only what stands in their sentences."""
IN_WORLD = ("run", "server", "dry", "settled")
TESTS = Path(__file__).parents[1]


@cache
def commands(file: str) -> tuple[Command, ...]:
    """What a document's notation stands for, each command with its line."""
    written = inline_commands(text(file)) + ([] if file in FOLLOWED else fenced_commands(text(file)))
    found: list[Command] = []
    for command in written:
        plain = re.sub(r"^(?:[A-Z_]+=\S+ )*(?:\S+/(?=srl-pipeline ))?", "", command.text)
        meant = expand(plain) if plain.startswith(("srl-pipeline ", "python ")) else [plain]
        found += [Command(command.line, one) for one in meant]
    return tuple(found)


ALL = sorted({command.text for file in DOCUMENTS for command in commands(file)})
WITH_COMMANDS = [file for file in DOCUMENTS if commands(file)]


@pytest.mark.parametrize("file", WITH_COMMANDS)
def test_every_command_has_one_way_to_be_tried(file: str) -> None:
    for command in commands(file):
        assert row_of(command.text), f"{file}:{command.line}: no row of docs/table.py fits {command.text!r}"


def test_every_row_is_for_a_command_and_has_a_reason_unless_it_is_executed_as_written() -> None:
    for row in ROWS:
        assert any(re.fullmatch(row.pattern, command) for command in ALL), f"no document has {row.pattern}"
        assert row.how in KINDS
        assert row.reason or not row.instead, row.pattern
        assert row.reason or row.how in ("run", "shell"), row.pattern
    for beginning, placeholder, _ in PLACEHOLDERS:
        assert any(re.match(beginning, c) and re.search(placeholder, c) for c in ALL), placeholder


def test_a_document_that_is_followed_has_its_test() -> None:
    assert all((Path(__file__).parent / test).is_file() for test in FOLLOWED.values())


def test_what_another_test_executes_is_named_there() -> None:
    for command in ALL:
        row = row_of(command)
        if row and row.how == "elsewhere":
            source = (TESTS / row.instead).read_text(encoding="utf-8")
            word = re.search(r"srl-pipeline (\w+)", command)
            assert not word or word[1] in source, f"{row.instead} does not try {command!r}"


def _rows(*kinds: str) -> Iterator[tuple[str, Row]]:
    for command in ALL:
        if (row := row_of(command)) and row.how in kinds:
            yield command, row


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of the commands that are executed in the prepared installation: command -> result."""
    folder = tmp_path_factory.mktemp("documentation")
    asked = [(command, json.dumps(_asked(command, row))) for command, row in _rows(*IN_WORLD)]
    once = list(dict.fromkeys(question for _, question in asked))  # several commands may stand for one
    (folder / "asked.json").write_text(f"[{','.join(once)}]", encoding="utf-8")
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("SRL_", "DAGSTER_"))}
    done = subprocess.run(
        [sys.executable, "-m", "srl_pipeline_tests.docs.executing", str(folder)],
        cwd=ROOT,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    results = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    answers = dict(zip(once, results, strict=True))
    return {command: answers[question] for command, question in asked}


def _asked(command: str, row: Row) -> dict[str, str]:
    return {"how": row.how, "words": words_for(row, command), "given": row.given, "asks": row.asks}


@pytest.mark.chain
@pytest.mark.timeout(1600)  # the first one waits for all commands
@pytest.mark.parametrize("file", WITH_COMMANDS)
def test_every_command_of_the_document_works(file: str, told: dict[str, dict[str, Any]]) -> None:
    for command in commands(file):
        row = row_of(command.text)
        if row and row.how in IN_WORLD:
            result = told[command.text]
            where = f"{file}:{command.line}: {command.text}\nas {result['words']}\n{result['output'][-3000:]}"
            assert result["status"] in row.status, where
            if row.how == "run" and "--json" in result["words"]:
                json.loads(result["output"])


@pytest.mark.chain
def test_a_second_run_finds_everything_as_first_run_says(told: dict[str, dict[str, Any]]) -> None:
    assert "nothing recomputed" in text("docs/first-run.md")
    assert "nothing recomputed" in told["srl-pipeline run buildings --preset smoke"]["output"]


@pytest.mark.chain
def test_what_first_run_shows_is_what_is_printed(told: dict[str, dict[str, Any]]) -> None:
    """Word for word where it does not depend on the machine; "…" stands for what is left out."""
    shown = blocks(text("docs/first-run.md"))
    for before, block in pairwise(shown):
        command = before.body.strip()
        if (
            before.language == "bash"
            and block.language == "text"
            and command.startswith(("srl-pipeline packs", "srl-pipeline teach"))
        ):
            words = told[command]["output"].replace("─", " ").split()  # the line beside a title
            printed = " ".join(word for word in words if word != PACK)
            for part in re.split(r"…", block.body):
                assert " ".join(part.split()) in printed, f"docs/first-run.md:{block.line} promises\n{part}\n{printed}"


@pytest.mark.chain
def test_the_tables_that_first_run_explains_have_its_columns(told: dict[str, dict[str, Any]]) -> None:
    printed = " ".join(re.sub(r"[┃│]", " ", told["srl-pipeline report buildings"]["output"]).split())
    for header in (
        "solved 95 % interval n steps right tokens time",
        "groups kept KL a token generated tokens trained tokens wall time",
    ):
        assert header in printed


@pytest.mark.parametrize(("command", "row"), list(_rows("shell")))
def test_a_line_of_shell_works(command: str, row: Row, tmp_path: Path) -> None:
    script = filled(words_for(row, command), {"folder": tmp_path, "environment": sys.prefix})
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("command", [command for command, _ in _rows("make")])
def test_a_target_of_make_can_be_made(command: str, app: Any) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    done = subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip()
    for line in done.stdout.splitlines():
        if found := re.search(r"bin/(srl-pipeline [^;|)]+)", line):
            assert not faults(found[1].replace("$type", "TYPE"), app), line


@pytest.fixture(scope="module")
def app() -> Any:
    from srl_pipeline.cli.app import app

    return typer.main.get_command(app)


@pytest.mark.parametrize(("command", "row"), list(_rows("tool")))
def test_a_tool_of_others_knows_the_words(command: str, row: Row) -> None:
    """It is asked for help with all words given, which it refuses where it does not know an option."""
    tool, _, rest = words_for(row, command).partition(" ")
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    own, _, _ = rest.partition(" -- ")
    question = {
        "aws": [*own.split(), "--generate-cli-skeleton", "output"],
        "promtool": own.split(),
        "terraform": ["-chdir=infra/terraform/dev", *own.split(), "-help"],
    }.get(tool, [*own.split(), "--help"])
    done = subprocess.run(
        [tool, *question],
        cwd=ROOT,
        env=os.environ | {"AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_most_commands_of_ours_are_executed_as_they_are_written() -> None:
    counted = Counter(row.how for command in ALL if command.startswith("srl-pipeline ") and (row := row_of(command)))
    assert counted["run"] + counted["server"] > 0.7 * counted.total(), counted
