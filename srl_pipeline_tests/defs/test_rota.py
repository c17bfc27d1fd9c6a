from __future__ import annotations

import time

import pytest

from srl_pipeline.defs import rota
from srl_pipeline.defs.rota import Rota, Stamp

NAMES = ("animals", "buildings", "facial", "sounds")


def stamps(**changed: int) -> dict[str, Stamp]:
    """What the files of four packs are like; ``changed``: name -> time of its file."""
    return {name: (("pack.yaml", changed.get(name, 1), 10),) for name in NAMES}


@pytest.fixture
def one_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rota, "LOOK_SECONDS", -1.0)


def test_with_time_enough_everybody_has_a_turn() -> None:
    assert sorted(Rota().turns(stamps())) == sorted(NAMES)


def test_a_tick_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rota, "LOOK_SECONDS", 0.05)
    turns = Rota().turns(stamps())
    assert next(turns)
    time.sleep(0.06)
    assert list(turns) == []


@pytest.mark.usefixtures("one_a_tick")
def test_those_left_out_come_first_in_the_next_tick() -> None:
    rotation = Rota()
    assert sorted(name for _ in NAMES for name in rotation.turns(stamps())) == sorted(NAMES)


@pytest.mark.usefixtures("one_a_tick")
def test_a_pack_that_changed_comes_before_those_that_waited_longer() -> None:
    rotation = Rota()
    for _ in NAMES:
        list(rotation.turns(stamps()))
    assert list(rotation.turns(stamps(sounds=2))) == ["sounds"]
    assert list(rotation.turns(stamps(sounds=2))) == ["animals"]


@pytest.mark.usefixtures("one_a_tick")
def test_a_change_that_waits_for_quiet_is_as_urgent_as_one_that_is_new() -> None:
    rotation = Rota()
    for _ in NAMES:
        list(rotation.turns(stamps()))
    assert list(rotation.turns(stamps(), pressing={"facial"})) == ["facial"]


@pytest.mark.usefixtures("one_a_tick")
def test_many_that_press_take_turns() -> None:
    rotation = Rota()
    seen = [name for _ in range(8) for name in rotation.turns(stamps(), pressing=NAMES)]
    assert sorted(seen) == sorted([*NAMES, *NAMES])
