"""Test-only: an asker that reads from a script, and tasks of packs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from srl_pipeline.contracts import Action, Citation, LoreBundle, Scenario, TeacherRef
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import Task
from srl_pipeline.teachers.calls.caller import Answered
from srl_pipeline.teachers.calls.meter import Meter
from srl_pipeline.teachers.calls.records import ModelCall, Reply, Usage
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.teachers.prompted.teacher import PromptedTeacher
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

ENTRY = TeacherEntry.model_validate(
    {
        "kind": "openai",
        "model": "m-1",
        "api_key_env": "TEST_TEACHER_KEY",
        "price": {"input": 1, "output": 2, "as_of": "2026-01-01"},
        "terms": {"training_allowed": True, "source": "a contract", "as_of": "2026-01-01"},
    }
)
REF = TeacherRef(name="tester", version="v1")
Stop = Literal["end", "length", "refusal"]


class ScriptedAsker:
    """Answers with the texts of a script, in order; what was asked is kept."""

    def __init__(self, *texts: str, stop: Stop = "end") -> None:
        self._texts = list(texts)
        self._stop: Stop = stop
        self.calls: list[ModelCall] = []
        self.meter = Meter()

    def ask(self, call: ModelCall) -> Answered:
        self.calls.append(call)
        usage = Usage(input_tokens=1, output_tokens=1)
        reply = Reply(text=self._texts.pop(0), usage=usage, stop=self._stop, model="m-1")
        return Answered(reply, False, 0, 0.0)

    def close(self) -> None:
        pass


def teacher(pack: Pack, asker: ScriptedAsker, **changes: Any) -> PromptedTeacher:
    """A teacher that asks the script."""
    return PromptedTeacher(REF, ENTRY.model_copy(update=changes), Verifier(pack), asker)


def bundle_of(pack: Pack, scenario: Scenario, extra: str = "") -> LoreBundle:
    """The documents of a scenario, whole; ``extra`` stands at the end of the last."""
    documents = [pack.documents[d] for d in scenario.documents]
    texts = [d.prose for d in documents]
    texts[-1] += extra
    citations = [
        Citation(chunk_id=d.id, document_id=d.id, heading=d.title, text=text, tokens=9, score=1.0, why="test")
        for d, text in zip(documents, texts, strict=True)
    ]
    return LoreBundle(citations=citations, tokens=9, budget=99)


def gold_task(pack: Pack, index: int = 0, extra: str = "") -> tuple[Task, list[Action]]:
    """A task that a gold example solves, and the actions that solve it."""
    gold = pack.definition.examples.gold[index]
    scenario = ScenarioSpace(pack).scenario(gold.scenario, where="test")
    return Task(scenario, bundle_of(pack, scenario, extra), 0), split_actions(pack, gold.artefact)


def answer(action: Any, reasoning: str = "Saltmere burns oil; 10 h at 6 h a filling is 2.") -> str:
    """What a model should write."""
    return json.dumps({"reasoning": reasoning, "action": action}, ensure_ascii=False)


def contents(calls: Sequence[ModelCall]) -> str:
    """All that was sent."""
    return "\n".join(call.system + "\n".join(m.content for m in call.messages) for call in calls)
