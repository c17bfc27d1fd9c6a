"""Whatever is decided in whatever order: nothing unmeasured becomes current, and the way back leads where it was."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from srl_pipeline.errors import PipelineError
from srl_pipeline.promotion import promote_by_hand, refuse_candidate, retire, rollback
from srl_pipeline.registry import Alias, Conflict, Decision, SqliteDecisions
from srl_pipeline_tests.profiles import examples

from .chains import PROBES, TYPE, Chain, Installation, solving


@cache
def shared() -> tuple[tempfile.TemporaryDirectory[str], Installation, dict[str, Chain]]:
    """Chains that ended, in a store that all examples read: to make one takes a while."""
    folder = tempfile.TemporaryDirectory()
    here = Installation(Path(folder.name))
    chains = {
        "poor": here.chain(solving(10), weights="poor"),
        "good": here.chain(solving(25), weights="good"),
        "best": here.chain(solving(38), weights="best"),
        "best again": here.chain(solving(39), weights="best"),
        "unwatched": here.chain(solving(40), weights="unwatched", probes=PROBES[:1]),
        "far": here.chain(solving(40), weights="far", kl=9.0),
    }
    return folder, here, chains


NAMES = st.sampled_from(["poor", "good", "best", "best again", "unwatched", "far"])
NEVER = ("unwatched", "far")
"""What no gate lets through."""


class PromotionMachine(RuleBasedStateMachine):
    """Keeps the aliases in a dictionary, and who was taken back in a set of weights."""

    def __init__(self) -> None:
        super().__init__()
        _, stored, self.chains = shared()
        self.folder = tempfile.TemporaryDirectory()
        self.here = Installation(stored.home)
        self.here.decisions = SqliteDecisions(Path(self.folder.name) / "decisions.sqlite")
        self.names = {chain.registered: name for name, chain in self.chains.items()}
        self.aliases: dict[Alias, str] = {}
        self.taken_back: set[str] = set()
        """Weights that somebody took out of use, and nobody has put back."""
        self.kept = 0

    def weights(self, version: str) -> str:
        return self.names[version].removesuffix(" again")

    def moved(self, decision: Decision, **aliases: str | None) -> None:
        known: dict[Any, str | None] = {**self.aliases, **aliases}
        self.aliases = {alias: version for alias, version in known.items() if version is not None}
        assert self.here.decisions.decisions(TYPE)[0].id >= decision.id

    @rule(name=NAMES)
    def decide(self, name: str) -> None:
        chain, holds = self.chains[name], self.aliases.get("current")
        made = self.here.decide(chain)
        assert made.subject == chain.registered and made.reasons
        now = self.here.decisions.aliases(TYPE)
        if now.get("current") == holds:
            self.aliases = dict(now)  # the candidate may be another one: whether it is, `invariant` does not say
            assert now.get("previous") == self.aliases.get("previous")
            return
        assert made.verdict == "change" and (made.before, made.after) == (holds or "", chain.registered)
        assert name not in NEVER
        assert self.weights(chain.registered) not in self.taken_back
        assert all(gate["passed"] for gate in gates(made)) and {"measured", "comparable"} <= {
            g["name"] for g in gates(made)
        }
        assert now["current"] == chain.registered and now.get("previous") == (holds or self.aliases.get("previous"))
        if holds:
            assert self.weights(holds) != self.weights(chain.registered)
            before, after = self.chains[self.names[holds]].result, chain.result
            assert sum(e.correct for e in after.episodes) > sum(e.correct for e in before.episodes)
        self.aliases = dict(now)

    @rule(name=NAMES, despite=st.booleans())
    def by_hand(self, name: str, despite: bool) -> None:
        version, holds = self.chains[name].registered, self.aliases.get("current")
        self.here.judged(self.chains[name])
        try:
            made = promote_by_hand(
                self.here.store, self.here.decisions, TYPE,
                version=version, reason="I say so.", config=self.here.config, despite_gates=despite,
            )  # fmt: skip
        except PipelineError as error:
            assert error.mend and (version == holds or not despite)
            return
        assert despite or name not in NEVER
        gone = {"candidate": None} if self.aliases.get("candidate") == version else {}
        self.moved(made, current=version, **({"previous": holds} if holds else {}), **gone)
        if holds:
            self.taken_back.add(self.weights(holds))
        self.taken_back.discard(self.weights(version))

    @rule(leaving=st.none() | NAMES)
    def go_back(self, leaving: str | None) -> None:
        holds, back_to = self.aliases.get("current"), self.aliases.get("previous")
        named = self.chains[leaving].registered if leaving else None
        try:
            made = rollback(self.here.store, self.here.decisions, TYPE, reason="It is bad.", leaving=named)
        except PipelineError as error:
            assert back_to is None or (named is not None and named != holds)
            assert isinstance(error, Conflict) == (named is not None and named != holds)
            return
        assert made.after == back_to and (named is None or named == holds)
        self.moved(made, current=back_to, previous=holds)
        if holds:
            self.taken_back.add(self.weights(holds))
        self.taken_back.discard(self.weights(made.after))

    @rule()
    def leave_without(self) -> None:
        holds = self.aliases.get("current")
        try:
            made = retire(self.here.store, self.here.decisions, TYPE, reason="Enough.")
        except PipelineError:
            assert holds is None
            return
        assert holds is not None
        self.moved(made, current=None)
        self.taken_back.add(self.weights(holds))

    @rule(leaving=st.none() | NAMES)
    def refuse(self, leaving: str | None) -> None:
        candidate = self.aliases.get("candidate")
        named = self.chains[leaving].registered if leaving else None
        try:
            made = refuse_candidate(self.here.decisions, TYPE, reason="No.", leaving=named)
        except PipelineError:
            assert candidate is None or (named is not None and named != candidate)
            return
        assert candidate is not None
        self.moved(made, candidate=None)
        self.taken_back.add(self.weights(candidate))

    @invariant()
    def the_register_is_as_it_should_be(self) -> None:
        found = self.here.decisions.aliases(TYPE)
        assert found == self.aliases
        assert found.get("current") is None or found["current"] != found.get("candidate")
        kept = self.here.decisions.decisions(TYPE)
        assert [d.id for d in kept] == list(range(len(kept), 0, -1)) and len(kept) >= self.kept
        self.kept = len(kept)
        changes = [d for d in kept if d.verdict == "change" and d.kind in ("promotion", "rollback")]
        assert (changes[0].after if changes else "") == found.get("current", "")

    def teardown(self) -> None:
        self.here.decisions.close()
        self.folder.cleanup()


def gates(decision: Decision) -> list[Any]:
    found = decision.evidence["gates"]
    assert isinstance(found, list)
    return found


PromotionMachine.TestCase.settings = examples(10, stateful_step_count=10)


@pytest.mark.chain
class TestPromotionWhateverIsDecided(PromotionMachine.TestCase):
    """Its settings are those above."""
