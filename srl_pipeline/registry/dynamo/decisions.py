"""Decisions, aliases and settings in a DynamoDB table.

What holds for a model type, its aliases and settings, is one item: it is read as it was at one moment. A decision is
kept three times, for each is asked for newest first: among those of its type and kind, among those of its type and
among all. Sensors ask every type for those of a kind: picked out of all, each look would read and pay for all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import Field

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Json, Record
from srl_pipeline.registry.actor import actor
from srl_pipeline.registry.decisions import Alias, Decision, Kind, check_expected
from srl_pipeline.registry.dynamo.sequence import Numbered, place
from srl_pipeline.registry.dynamo.table import Table
from srl_pipeline.registry.dynamo.writes import NEW, Item, Write
from srl_pipeline.registry.seals import Sealed, seal

_ALL = "DECISIONS"


class _Setting(Record):
    value: str = Field(description="Canonical JSON.")
    decision: int


class _State(Record):
    """What holds for a model type."""

    aliases: dict[Alias, str] = Field(default_factory=dict[Alias, str])
    settings: dict[str, _Setting] = Field(default_factory=dict[str, _Setting])


class DynamoDecisions:
    """Implements `Decisions`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sequence = Numbered[Decision](table, "DECISIONS")

    def record(
        self,
        decision: Decision,
        *,
        aliases: Mapping[Alias, str | None] | None = None,
        settings: Mapping[str, Json] | None = None,
        expected: Mapping[Alias, str | None] | None = None,
    ) -> Decision:
        """Keep ``decision`` with what it changes, all or nothing; raises `Conflict`."""

        told = decision.model_copy(update={"actor": actor()})

        def plan(number: int) -> tuple[Decision, Sequence[Write]]:
            state = self._state(decision.model_type)
            check_expected(decision.model_type, state.aliases, expected or {})
            kept = told.model_copy(update={"id": number})
            changed = _changed(state, number, aliases or {}, settings or {})
            return kept, [*_kept(kept, self._seal_of(number - 1)), _stated(decision.model_type, changed)]

        return self._sequence.append(plan)

    def aliases(self, model_type: str) -> dict[Alias, str]:
        """The aliases of a model type that are set."""
        return dict(sorted(self._state(model_type).aliases.items()))

    def settings(self, model_type: str) -> dict[str, Json]:
        """The settings that decisions made for a model type."""
        return {name: json.loads(kept.value) for name, kept in sorted(self._state(model_type).settings.items())}

    def setting_decisions(self, model_type: str) -> dict[str, Decision]:
        """Dotted name of each of these settings -> the decision that made it."""
        made = {name: kept.decision for name, kept in sorted(self._state(model_type).settings.items())}
        found = {number: self._one(model_type, number) for number in set(made.values())}
        return {name: found[number] for name, number in made.items()}

    def decisions(
        self, model_type: str | None = None, *, kind: Kind | None = None, last: int | None = None
    ) -> list[Decision]:
        """Decisions, newest first: of a model type or of all, of a kind or of all, the ``last`` so many."""
        partition = _ALL if model_type is None else _of_type(model_type, kind)
        having = {"kind": kind} if kind and model_type is None else {}
        return [_decision(item) for item in self._table.query(partition, having=having, newest_first=True, last=last)]

    def sealed(self) -> tuple[list[Sealed], int]:
        """All decisions as they are kept, oldest first, and how many were ever kept: the sequence counts them.

        Where one of its other two copies says something else, a decision's text is one that its seal does not fit.
        """
        last = self._sequence.last()  # first: what is kept meanwhile is more than was counted, and not missing
        kept = self._table.query(_ALL)
        told = [_decision(item) for item in kept]
        places = {_of_type(d.model_type) for d in told} | {_of_type(d.model_type, d.kind) for d in told}
        copies = Counter((str(item["sk"]), str(item["record"])) for pk in places for item in self._table.query(pk))
        return [_sealed(item, copies[str(item["sk"]), str(item["record"])] == 2) for item in kept], last

    def close(self) -> None:
        """Give the connections back. Nothing may be under way."""
        self._table.close()

    def _state(self, model_type: str) -> _State:
        found = self._table.get(f"STATE#{model_type}", "#")
        return _State.model_validate_json(str(found["record"])) if found else _State()

    def _seal_of(self, number: int) -> str:
        found = self._table.get(_ALL, place(number)) if number else None
        return str(found.get("seal", "")) if found else ""

    def _one(self, model_type: str, number: int) -> Decision:
        found = self._table.get(_of_type(model_type), place(number))
        assert found is not None  # it was kept with the setting, and nothing removes it
        return _decision(found)


def _changed(state: _State, number: int, aliases: Mapping[Alias, str | None], settings: Mapping[str, Json]) -> _State:
    """``state`` after a decision: None takes an alias or a setting away."""
    moved: dict[Alias, str | None] = {**state.aliases, **aliases}
    made = {**state.settings, **{n: None if v is None else _made(v, number) for n, v in settings.items()}}
    return _State(
        aliases={alias: version for alias, version in moved.items() if version is not None},
        settings={name: setting for name, setting in made.items() if setting is not None},
    )


def _made(value: Json, number: int) -> _Setting:
    return _Setting(value=dumps(value), decision=number)


def _kept(decision: Decision, before: str) -> list[Write]:
    record = dumps(decision.model_dump(mode="json"))
    named: Item = {"sk": place(decision.id), "seal": seal(before, record)}
    partitions = (_of_type(decision.model_type, decision.kind), _of_type(decision.model_type), _ALL)
    return [
        Write("Put", {"pk": pk, **named, "kind": decision.kind, "record": record}, only_if=NEW) for pk in partitions
    ]


def _stated(model_type: str, state: _State) -> Write:
    return Write("Put", {"pk": f"STATE#{model_type}", "sk": "#", "record": dumps(state.model_dump(mode="json"))})


def _of_type(model_type: str, kind: Kind | None = None) -> str:
    return f"{_ALL}#{model_type}#{kind}" if kind else f"{_ALL}#{model_type}"


def _sealed(item: Item, alike: bool) -> Sealed:
    text = str(item["record"]) if alike else f"{item['record']}\n(a copy differs)"
    return Sealed(number=int(str(item["sk"])), text=text, seal=str(item.get("seal", "")))


def _decision(item: Item) -> Decision:
    return Decision.model_validate_json(str(item["record"]))
