"""Trajectories that say what an earlier one says are found; legitimate variants are not."""

from __future__ import annotations

import random
import statistics
import time

import pytest

from srl_pipeline.generation.drawing import Content, DuplicateFilter
from srl_pipeline.generation.drawing.duplicates import content_of


def solution(name: str, scenario: str, fields: int = 18, **changed: object) -> Content:
    axes = {f"axis{i}": "word" for i in range(5)} | {"scenario": scenario}
    return content_of(name, scenario, axes, {f"field{i}": i for i in range(fields)} | changed)


def knowing(*known: Content) -> DuplicateFilter:
    found = DuplicateFilter()
    for one in known:
        found.add(one)
    return found


def test_what_is_new_is_no_duplicate() -> None:
    assert DuplicateFilter().reason(solution("a", "s")) is None
    assert knowing(solution("a", "s")).reason(content_of("b", "t", {"x": 1}, {"y": 2})) is None


def test_a_known_id_is_a_repetition() -> None:
    assert knowing(solution("a", "s")).reason(solution("a", "t", field0="x")) == "repeated"


def test_the_same_solution_of_the_same_scenario_is_a_repetition_whoever_wrote_it() -> None:
    assert knowing(solution("a", "s")).reason(solution("b", "s")) == "repeated"


def test_a_near_best_variant_of_a_scenario_is_none_however_many_fields_there_are() -> None:
    for fields in (4, 18, 64):
        known = knowing(solution("best", "s", fields))
        assert known.reason(solution("near best", "s", fields, field0="another")) is None


def test_an_almost_equal_solution_of_another_scenario_is_a_near_duplicate() -> None:
    assert knowing(solution("a", "s", 60)).reason(solution("b", "t", 60)) == "near_duplicate"  # 65 of 67 shared


def test_one_other_axis_among_few_fields_is_enough_to_be_kept() -> None:
    assert knowing(solution("a", "s")).reason(solution("b", "t")) is None  # 23 of 25 shared


def test_numbers_count_by_value_and_lists_by_member() -> None:
    here = content_of("a", "s", {"n": 3}, {"words": ["x", "y"], "none": [], "flag": True})
    assert content_of("b", "s", {"n": 3.0}, {"flag": True, "none": [], "words": ["y", "x"]}).elements == here.elements
    assert content_of("c", "s", {"n": "3"}, {"words": ["x", "y"], "none": [], "flag": True}).elements != here.elements


def test_an_axis_and_a_field_of_the_same_name_are_two_things() -> None:
    assert content_of("a", "s", {"n": 1}, {}).elements != content_of("a", "s", {}, {"n": 1}).elements


def test_adding_one_twice_changes_nothing() -> None:
    assert len(knowing(solution("a", "s"), solution("a", "s"))) == 1


def random_solution(rng: random.Random, name: str) -> Content:
    axes = {f"axis{i}": rng.randrange(8) for i in range(5)}
    return content_of(name, str(axes), axes, {f"field{i}": rng.randrange(4) for i in range(40)})


def test_the_index_finds_what_comparing_with_every_one_finds() -> None:
    rng = random.Random(1)
    known = [random_solution(rng, str(i)) for i in range(300)]
    index = knowing(*known)
    missed = 0
    for number, one in enumerate(known):
        elements = list(one.elements)
        rng.shuffle(elements)
        near = Content(f"near {number}", "another", frozenset([*elements[1:], rng.getrandbits(63)]))  # 44 of 46
        far = Content(f"far {number}", "another", frozenset(elements[4:]) | {rng.getrandbits(63)})
        missed += index.reason(near) != "near_duplicate"
        assert index.reason(far) is None
    assert missed < 0.1 * len(known)


@pytest.mark.slow
def test_a_check_against_100_000_trajectories_takes_under_a_millisecond() -> None:
    rng = random.Random(1)
    index = knowing(*(random_solution(rng, str(i)) for i in range(100_000)))
    seconds: list[float] = []
    for i in range(300):
        asked = random_solution(rng, f"asked {i}")
        started = time.perf_counter()
        index.reason(asked)
        seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 0.001
