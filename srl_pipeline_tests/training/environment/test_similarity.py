from __future__ import annotations

import difflib
import random
from typing import Any

import pytest

from srl_pipeline.canonical import dumps
from srl_pipeline.model_types import StepSpec
from srl_pipeline.training.environment.similarity import field_similarity, text_similarity

STEP = StepSpec.model_validate(
    {
        "id": "walls",
        "title": "Walls",
        "instruction": "Choose.",
        "fields": {
            "stone": {"enum": ["granite", "flint"]},
            "height": {"type": "number", "minimum": 0, "maximum": 10, "multipleOf": 0.5},
            "parts": {"type": "array", "items": {"enum": ["arch", "beam", "cap"]}, "minItems": 0, "maxItems": 3},
            "gate": {"type": "boolean"},
        },
    }
)
EXPERT = {"stone": "granite", "height": 4, "parts": ["arch", "beam"], "gate": True}


def random_action(rng: random.Random) -> dict[str, Any]:
    def value(depth: int) -> Any:
        kind = rng.randrange(6 if depth else 4)
        match kind:
            case 0:
                return rng.randrange(1000)
            case 1:
                return rng.choice([True, False, None, 2.5, -0.125])
            case 2 | 3:
                return "".join(rng.choice('abcde \u00e9\u4e2d\ud800"\\') for _ in range(rng.randrange(40)))
            case 4:
                return [value(depth - 1) for _ in range(rng.randrange(6))]
            case _:
                return {f"k{i}": value(depth - 1) for i in range(rng.randrange(5))}

    return {f"key{i}": value(2) for i in range(rng.randrange(1, 9))}


def altered(rng: random.Random, action: dict[str, Any]) -> dict[str, Any]:
    """Some keys replaced: pairs that share long stretches, as a student's and an expert's do."""
    other = random_action(rng)
    return {k: other.get(k, v) if rng.random() < 0.4 else v for k, v in action.items()}


@pytest.mark.parametrize("autojunk", [False, True])
def test_the_text_ratio_is_that_of_difflib_on_a_thousand_pairs(autojunk: bool) -> None:
    rng = random.Random(7)
    long = 0
    for number in range(1_000):
        expert = random_action(rng)
        student = altered(rng, expert) if number % 2 else random_action(rng)
        expected = difflib.SequenceMatcher(None, dumps(student), dumps(expert), autojunk=autojunk).ratio()
        assert text_similarity(student, expert, autojunk=autojunk) == expected
        long += len(dumps(expert)) >= 200
    assert long > 50  # where autojunk is active


def test_autojunk_is_really_switched() -> None:
    rng = random.Random(3)
    expert = {f"key{i}": "abcab" * 6 for i in range(9)}
    student = altered(rng, expert)
    assert text_similarity(student, expert, autojunk=True) < text_similarity(student, expert, autojunk=False)


def test_the_order_of_student_and_expert_matters() -> None:
    left, right = {"a": "tide"}, {"a": "diet"}
    there, back = (text_similarity(a, b, autojunk=False) for a, b in ((left, right), (right, left)))
    assert there != back
    assert there == difflib.SequenceMatcher(None, dumps(left), dumps(right), autojunk=False).ratio()


def test_equal_actions_score_one_whatever_their_key_order() -> None:
    student = dict(reversed(EXPERT.items())) | {"height": 4.0}
    assert text_similarity(student, EXPERT, autojunk=False) == 1.0
    assert field_similarity(student, EXPERT, STEP) == 1.0


def test_one_wrong_digit_is_nearly_perfect_as_text_and_plainly_worse_by_fields() -> None:
    student = EXPERT | {"height": 9}
    assert text_similarity(student, EXPERT, autojunk=False) > 0.95
    assert field_similarity(student, EXPERT, STEP) == pytest.approx((1 + 0.5 + 1 + 1) / 4)


@pytest.mark.parametrize(
    ("height", "expected"), [(4, 1.0), (5, 0.9), (3.5, 0.95), (0, 0.6), (-100, 0.0), (10**300, 0.0)]
)
def test_numbers_count_by_their_distance_within_the_range(height: float, expected: float) -> None:
    found = field_similarity(EXPERT | {"height": height}, EXPERT, STEP)
    assert found == pytest.approx((3 + expected) / 4)


@pytest.mark.parametrize(
    ("parts", "f1"),
    [
        (["beam", "arch"], 1.0),
        (["arch"], 2 / 3),
        (["arch", "cap"], 1 / 2),
        (["arch", "beam", "cap"], 4 / 5),
        (["cap"], 0.0),
        ([], 0.0),
        ("arch", 0.0),
        ([["arch"], {"beam": 1}], 0.0),
    ],
)
def test_sets_count_by_f1(parts: Any, f1: float) -> None:
    assert field_similarity(EXPERT | {"parts": parts}, EXPERT, STEP) == pytest.approx((3 + f1) / 4)


def test_two_empty_sets_are_alike() -> None:
    expert = EXPERT | {"parts": []}
    assert field_similarity(expert, expert, STEP) == 1.0


@pytest.mark.parametrize("stone", ["flint", "Granite", None, ["granite"], 3])
def test_another_word_counts_nothing(stone: Any) -> None:
    assert field_similarity(EXPERT | {"stone": stone}, EXPERT, STEP) == pytest.approx(3 / 4)


@pytest.mark.parametrize("gate", [1, "true", False, None])
def test_only_the_same_flag_counts(gate: Any) -> None:
    assert field_similarity(EXPERT | {"gate": gate}, EXPERT, STEP) == pytest.approx(3 / 4)


@pytest.mark.parametrize("height", [True, "4", None, [4]])
def test_what_is_no_number_counts_nothing(height: Any) -> None:
    assert field_similarity(EXPERT | {"height": height}, EXPERT, STEP) == pytest.approx(3 / 4)


def test_a_missing_field_counts_nothing() -> None:
    student = {k: v for k, v in EXPERT.items() if k != "stone"}
    assert field_similarity(student, EXPERT, STEP) == pytest.approx(3 / 4)


def test_a_foreign_field_lowers_the_mean() -> None:
    assert field_similarity(EXPERT | {"colour": "red"}, EXPERT, STEP) == pytest.approx(4 / 5)
