"""Two models on live requests: what is compared, what an alarm does, and that nobody waits for it."""

from __future__ import annotations

from typing import Any

from srl_pipeline.config import ServingConfig
from srl_pipeline.serving import Journal
from srl_pipeline.serving.loading import load_model

from .conftest import Versions
from .world import ANSWER, MODEL, SOLVED, Served, World, wait

FEW = {"min_requests": 10, "window": 20, "max_tokens": 24}


def ask_until(served: Served, happened: Any, most: int = 40) -> int:
    """Ask, each time waiting for the shadow; returns how often it took."""
    for asked in range(1, most + 1):
        assert served.ask().choices[0].message.content is not None
        settled(served, asked, happened)
        if happened():
            return asked
    raise AssertionError(f"did not happen within {most} requests")


def settled(served: Served, asked: int, happened: Any = lambda: False) -> None:
    """Wait until the shadow has done what ``asked`` requests gave it, or until it ``happened``."""
    wait(lambda: shadows(served) + dropped(served) >= asked or happened(), "the shadow is done")


def shadows(served: Served) -> int:
    lines = served.service.metrics().splitlines()
    return int(sum(float(x.split()[-1]) for x in lines if "requests_total{" in x and 'role="shadow"' in x))


def dropped(served: Served) -> int:
    return int(sum(float(x.split()[-1]) for x in served.service.metrics().splitlines() if "dropped_total{" in x))


def test_a_current_model_that_is_worse_than_the_previous_one_is_rolled_back_while_it_serves(
    world: World, versions: Versions
) -> None:
    world.point(current=versions.good)
    world.point(current=versions.noise, previous=versions.good)
    with world.serve(shadow="previous", **FEW) as served:
        assert served.ask().srl["correct"] is False
        asked = ask_until(served, lambda: served.health()["version"] == versions.good)
        assert asked >= 9  # as many as the evidence needs at 99 %
        assert served.ask().choices[0].message.content == ANSWER
        assert world.decisions.aliases(MODEL) == {"current": versions.good, "previous": versions.noise}
        [decision] = world.decisions.decisions(MODEL, kind="rollback")
        assert "solves fewer live requests than the previous one" in decision.reasons[0]
        assert decision.evidence["pairs_lost"] >= 9 and decision.evidence["live_version"] == versions.noise
        assert served.health()["shadow"] == {"alias": "previous", "version": versions.noise}
        for _ in range(3):  # the restored model is the better one: it stays
            served.ask()
        assert len(world.decisions.decisions(MODEL, kind="rollback")) == 1
        assert served.health()["status"] == "ok"
    rows = served.live()
    bad = sum(row.version == versions.noise for row in rows)
    assert [row.version for row in rows] == [versions.noise] * bad + [versions.good] * (len(rows) - bad)
    assert [row.verified for row in rows] == [False] * bad + [True] * (len(rows) - bad)


def test_a_candidate_that_is_worse_is_refused_and_the_current_one_serves_on(world: World, versions: Versions) -> None:
    world.point(current=versions.good, candidate=versions.noise)
    with world.serve(shadow="candidate", **FEW) as served:
        ask_until(served, lambda: served.health()["shadow"] is None)
        assert world.decisions.aliases(MODEL) == {"current": versions.good}
        [decision] = world.decisions.decisions(MODEL, kind="shadow")
        assert decision.subject == versions.noise and "The candidate solves fewer" in decision.reasons[0]
        assert served.ask().srl["correct"] is True


def test_two_models_that_are_alike_are_left_alone(world: World, versions: Versions) -> None:
    world.point(current=versions.good, candidate=versions.also_good)
    with world.serve(shadow="candidate", **FEW) as served:
        for _ in range(10):
            served.ask()
        settled(served, 10)
        assert world.decisions.aliases(MODEL)["candidate"] == versions.also_good
        assert served.health()["status"] == "ok"
    journal = Journal(world.home)
    pairs = journal.pairs(MODEL, versions.good, versions.also_good, since=1)
    journal.close()
    assert (pairs.n, pairs.only_live, pairs.only_shadow) == (shadows(served), 0, 0)


class Breaking:
    """The real model, which raises while `broken` says so. Named double."""

    def __init__(self, model: Any, broken: set[str]) -> None:
        self._model, self._broken, self.version = model, broken, model.version

    def ask(self, question: Any, heard: Any) -> Any:
        if self.version in self._broken:
            raise MemoryError
        return self._model.ask(question, heard)

    def judge(self, axes: Any, text: str) -> Any:
        return self._model.judge(axes, text)


def breaking(world: World, broken: set[str]) -> Any:
    return lambda version: Breaking(load_model(world.store, MODEL, version, ServingConfig(), "cpu"), broken)


def test_a_current_model_that_fails_is_rolled_back(world: World, versions: Versions) -> None:
    world.point(current=versions.also_good, previous=versions.good)
    with world.serve(shadow="previous", load=breaking(world, {versions.also_good}), **FEW) as served:
        for _ in range(10):
            served.post({"model": MODEL, "messages": [], "scenario": SOLVED})
        wait(lambda: served.health()["version"] == versions.good, "the rollback")
        assert served.ask().srl["correct"] is True
        [decision] = world.decisions.decisions(MODEL, kind="rollback")
        assert "failed on 10 of the last 10 live requests" in decision.reasons[0]


def test_where_both_models_fail_nothing_is_changed_and_it_is_told(world: World, versions: Versions) -> None:
    world.point(current=versions.also_good, previous=versions.good)
    both = {versions.also_good, versions.good}
    with world.serve(shadow="previous", load=breaking(world, both), **(FEW | {"window": 12})) as served:
        for asked in range(1, 13):
            served.post({"model": MODEL, "messages": [], "scenario": SOLVED})
            settled(served, asked)
            if asked == 9:
                assert served.health()["status"] == "ok"  # too few requests for an alarm
        wait(lambda: served.health()["status"] == "degraded", "the alarm")
        assert any("errors: " in p for p in served.health()["problems"])
        assert world.decisions.decisions(MODEL, kind="rollback") == []


def test_a_model_that_was_taken_back_is_not_gone_back_to(world: World, versions: Versions) -> None:
    from srl_pipeline.promotion import rollback

    world.point(current=versions.good)
    world.point(current=versions.also_good, previous=versions.good)
    rollback(world.store, world.decisions, MODEL, reason="It was bad.")
    with world.serve(shadow="previous", load=breaking(world, {versions.good}), **FEW) as served:
        for _ in range(10):
            served.post({"model": MODEL, "messages": [], "scenario": SOLVED})
        wait(lambda: any("taken back" in p for p in served.health()["problems"]), "the alarm is told")
        assert world.decisions.aliases(MODEL)["current"] == versions.good
        assert len(world.decisions.decisions(MODEL, kind="rollback")) == 1


def test_a_previous_model_whose_files_are_altered_is_not_gone_back_to(world: World, versions: Versions) -> None:
    world.point(current=versions.also_good, previous=versions.good)
    with world.serve(shadow="previous", load=breaking(world, {versions.also_good}), **FEW) as served:
        file = world.artifact(versions.good).path / "adapter_model.safetensors"
        file.write_bytes(file.read_bytes()[:-1] + b"x")
        for _ in range(10):
            served.post({"model": MODEL, "messages": [], "scenario": SOLVED})
        wait(lambda: any("Nothing was changed" in p for p in served.health()["problems"]), "the alarm is told")
        assert world.decisions.aliases(MODEL)["current"] == versions.also_good
        assert world.decisions.decisions(MODEL, kind="rollback") == []
