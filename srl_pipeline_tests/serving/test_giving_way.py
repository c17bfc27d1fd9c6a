"""A shadow never keeps a live request waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any

import pytest

from srl_pipeline.serving import Busy, Unanswerable
from srl_pipeline.serving.lane import Lane
from srl_pipeline.serving.questions import Answer, Judgement

from .conftest import Versions
from .world import MODEL, SOLVED, Served, World, wait


class Scripted:
    """A model that says its lines once its gate is open, one question at a time. Named double."""

    def __init__(self, version: str, lines: int = 3, *, knows_scenarios: bool = True, right: bool = True) -> None:
        self.version = version
        self.gate, self.said = Event(), 0
        self._lines, self._knows, self._right, self._lock = lines, knows_scenarios, right, Lock()

    def ask(self, question: Any, heard: Callable[[str], bool]) -> Answer:
        with self._lock:
            for line in range(self._lines):
                self.said += 1
                assert line or self.gate.wait(20)
                if heard("line\n" * (line + 1)):
                    break
        return Answer(self.version, "line\n", 1, 1, True, self.judge(question.axes, ""))

    def judge(self, axes: Any, text: str) -> Judgement:
        if not self._knows:
            raise Unanswerable("No such axis.", where="scenario", mend="-", param="scenario", code="invalid_scenario")
        return Judgement(correct=self._right, reward=1.0, violations=[], format_error="", artefact={})


def asking(served: Served) -> Thread:
    thread = Thread(target=lambda: served.post({"model": MODEL, "messages": [], "scenario": SOLVED}))
    thread.start()
    return thread


def test_a_shadow_pauses_at_its_line_while_a_live_request_is_there(world: World, versions: Versions) -> None:
    live, shadow = Scripted(versions.good), Scripted(versions.noise)
    world.point(current=live.version, candidate=shadow.version)
    with world.serve(shadow="candidate", load={m.version: m for m in (live, shadow)}.__getitem__) as served:
        live.gate.set()
        asking(served).join()
        wait(lambda: shadow.said == 1, "the shadow is at its first line")
        live.gate.clear()
        second = asking(served)
        wait(lambda: live.said == 4, "a live request is under way")
        shadow.gate.set()
        time.sleep(0.3)
        assert shadow.said == 1
        live.gate.set()
        second.join()
        wait(lambda: shadow.said >= 3, "the shadow goes on")


def test_a_shadow_does_not_begin_before_the_live_requests_are_done(world: World, versions: Versions) -> None:
    live, shadow = Scripted(versions.good), Scripted(versions.noise)
    world.point(current=live.version, candidate=shadow.version)
    with world.serve(shadow="candidate", load={m.version: m for m in (live, shadow)}.__getitem__) as served:
        requests = [asking(served) for _ in range(3)]
        wait(lambda: served.count("srl_serving_waiting") == 3, "three are there")
        live.gate.set()
        for request in requests:
            request.join()
        shadow.gate.set()
        wait(lambda: shadow.said == 9, "every request was put to the shadow")


def test_a_shadow_that_becomes_the_live_model_does_not_keep_its_requests_waiting(
    world: World, versions: Versions
) -> None:
    """It is paused for a live request when it is promoted: were it to wait on, the next request would wait for it."""
    live, shadow = Scripted(versions.good), Scripted(versions.noise)
    world.point(current=live.version, candidate=shadow.version)
    with world.serve(shadow="candidate", load={m.version: m for m in (live, shadow)}.__getitem__) as served:
        live.gate.set()
        asking(served).join()
        wait(lambda: shadow.said == 1, "the shadow is at its first line")
        live.gate.clear()
        second = asking(served)
        wait(lambda: live.said == 4, "a live request is under way")
        shadow.gate.set()
        world.point(current=shadow.version, previous=live.version, candidate=None)
        wait(lambda: served.health()["version"] == shadow.version, "the switch")
        third = asking(served)
        wait(lambda: served.count("srl_serving_waiting") == 2, "the next request waits")
        live.gate.set()
        second.join()
        third.join()
        assert [row.version for row in served.live()] == [live.version, live.version, shadow.version]


def test_more_shadows_than_the_queue_holds_are_dropped_and_counted(world: World, versions: Versions) -> None:
    live, shadow = Scripted(versions.good), Scripted(versions.noise)
    world.point(current=live.version, candidate=shadow.version)
    live.gate.set()
    with world.serve(shadow="candidate", queue=1, load={m.version: m for m in (live, shadow)}.__getitem__) as served:
        for _ in range(4):
            asking(served).join()
        assert served.count('srl_serving_shadows_dropped_total{why="queue"}') == 2
        shadow.gate.set()
        wait(lambda: shadow.said == 6, "the others were put to it")


def test_a_scenario_that_the_shadow_does_not_know_is_no_failure_of_it(world: World, versions: Versions) -> None:
    live, shadow = Scripted(versions.good, 1), Scripted(versions.noise, 1, knows_scenarios=False)
    live.gate.set()
    shadow.gate.set()
    world.point(current=live.version, candidate=shadow.version)
    with world.serve(shadow="candidate", load={m.version: m for m in (live, shadow)}.__getitem__) as served:
        asking(served).join()
        wait(lambda: served.count('srl_serving_shadows_dropped_total{why="unanswerable"}') == 1, "it is dropped")


@pytest.mark.parametrize(("alias", "judged"), [("previous", False), ("candidate", True)])
def test_both_answers_are_judged_by_the_newer_rules(world: World, versions: Versions, alias: Any, judged: bool) -> None:
    """The candidate's rules are newer than those of `current`, and these newer than those of `previous`."""
    live, shadow = Scripted(versions.good, 1, right=False), Scripted(versions.noise, 1, right=True)
    live.gate.set()
    shadow.gate.set()
    world.point(current=live.version, **{alias: shadow.version})
    with world.serve(shadow=alias, load={m.version: m for m in (live, shadow)}.__getitem__) as served:
        asking(served).join()
        of = f'model_type="{MODEL}",role="shadow",version="{shadow.version}"'
        journal = served.service._journal  # it is written last
        wait(lambda: journal.pairs(MODEL, live.version, shadow.version, since=1).n == 1, "the shadow is done")
        assert served.count(f'srl_serving_verified_total{{correct="{str(judged).lower()}",{of}}}') == 1
        pairs = journal.pairs(MODEL, live.version, shadow.version, since=1)
        assert (pairs.n, pairs.only_live, pairs.only_shadow) == (1, 0, 0)


def test_a_lane_takes_so_many_and_no_more() -> None:
    lane, gate = Lane("test", 1), Event()
    first, second = lane.submit(gate.wait), lane.submit(lambda: 2)
    with pytest.raises(Busy):
        lane.submit(lambda: 3)
    assert not lane.wait_idle(0.01)
    gate.set()
    assert first.result() and second.result() == 2 and lane.wait_idle(20)
    assert lane.submit(lambda: 4).result() == 4
    lane.close()
