"""Proof that a compiled grader is our verifier: both judge the same answers, rule by rule, before money is spent.

The source runs in an interpreter of its own: no environment, no packages of this project, no shell, a limit of time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from srl_pipeline.contracts import Action, Artefact, Record, Scenario
from srl_pipeline.errors import RuleError, TuningError
from srl_pipeline.tuning.graders import proof_child
from srl_pipeline.tuning.graders.reward import judge_action, read_action, step_reward
from srl_pipeline.tuning.records import GraderItem
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions
from srl_pipeline.verification.examples import counter_case

SECONDS: Final = 120.0
"""A grader that takes longer for all cases together is refused; vendors allow as much for one answer."""
_SHOWN: Final = 300


class GraderCase(Record):
    """An answer and what it answers."""

    name: str
    text: str
    item: GraderItem


class Comparison(Record):
    """A compiled grader beside our verifier."""

    cases: int
    disagreements: list[str] = Field(description="One line a case on which they differ; empty: they are the same.")


def prove_grader(source: str, verifier: Verifier) -> Comparison:
    """Compare on every step of the pack's gold and counter-examples; raises TuningError where they differ anywhere."""
    found = compare(source, verifier, list(example_cases(verifier)))
    if found.disagreements:
        raise TuningError(
            f"The compiled grader differs from the verifier on {len(found.disagreements)} of {found.cases} cases; "
            f"first: {found.disagreements[0]}",
            where=f"pack {verifier.pack.name}",
            mend="Nothing was submitted. Tune by another method, and report this: it is a fault of the compiler.",
        )
    return found


def compare(source: str, verifier: Verifier, cases: Sequence[GraderCase]) -> Comparison:
    """Let both judge ``cases``. Raises TuningError when the source does not run."""
    answers = _run_isolated(source, cases, where=f"compiled grader of pack {verifier.pack.name}")
    differing = [
        f"{case.name}: the verifier says {ours}, the grader {theirs}"
        for case, theirs in zip(cases, answers, strict=True)
        if (ours := _expected(verifier, case)) != theirs
    ]
    return Comparison(cases=len(cases), disagreements=differing)


def example_cases(verifier: Verifier) -> Iterator[GraderCase]:
    """Every step of every gold and counter-example, as the answer that holds it."""
    pack, space = verifier.pack, ScenarioSpace(verifier.pack)
    for gold in pack.definition.examples.gold:
        scenario = space.scenario(gold.scenario, where=pack.place("gold", gold.id))
        yield from _steps(verifier, gold.id, scenario, gold.artefact)
    for counter in pack.definition.examples.counter:
        yield from _steps(verifier, counter.id, *counter_case(space, counter, pack.place("counter", counter.id)))


def _steps(verifier: Verifier, name: str, scenario: Scenario, artefact: Artefact) -> Iterator[GraderCase]:
    before: Artefact = {}
    for step, action in enumerate(split_actions(verifier.pack, artefact)):
        item = GraderItem(axes=scenario.axes, facts=scenario.facts, before=before, step=step)
        yield GraderCase(name=f"{name}, step {step + 1}", text=answer_text(action), item=item)
        before = {**before, **action}


def answer_text(action: Action) -> str:
    """An answer that a model could give."""
    return json.dumps({"reasoning": "", "action": action})


def _expected(verifier: Verifier, case: GraderCase) -> dict[str, Any]:
    action = read_action(case.text)
    if action is None:
        return {"reward": 0.0, "broken": None}
    try:
        result = judge_action(verifier, action, case.item)
    except RuleError:
        return {"unjudgeable": True}
    return {"reward": step_reward(result), "broken": [v.rule_id for v in result.violations]}


def _run_isolated(source: str, cases: Sequence[GraderCase], *, where: str) -> list[dict[str, Any]]:
    lines = "".join(json.dumps({"text": case.text, "task": case.item.model_dump(mode="json")}) + "\n" for case in cases)
    with tempfile.TemporaryDirectory(prefix="srl-grader-") as folder:
        file = Path(folder) / "grader.py"
        file.write_text(source, encoding="utf-8")
        command = [sys.executable, "-I", proof_child.__file__, str(file)]
        try:
            done = subprocess.run(
                command, input=lines, capture_output=True, text=True, cwd=folder, env={}, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _broken(f"It took more than {SECONDS:.0f} seconds for {len(cases)} cases.", where) from error
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(answers) != len(cases):
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise _broken(f"It stopped at case {len(answers) + 1} of {len(cases)}: {last[:_SHOWN]}", where)
    return [{"unjudgeable": True} if "unjudgeable" in answer else answer for answer in answers]


def _broken(what: str, where: str) -> TuningError:
    return TuningError(what, where=where, mend="Nothing was submitted. Report this: it is a fault of the compiler.")
