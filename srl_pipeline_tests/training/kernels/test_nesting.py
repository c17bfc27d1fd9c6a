from __future__ import annotations

from srl_pipeline.training.kernels.nesting import trunks_of


def test_a_prompt_that_begins_another_is_served_by_it() -> None:
    assert trunks_of([[1, 2], [1, 2, 3, 4], [1, 2, 3]]) == [(1, [0, 1, 2])]


def test_prompts_that_part_ways_have_trunks_of_their_own() -> None:
    assert trunks_of([[1, 2, 3], [1, 2, 4], [5]]) == [(0, [0]), (1, [1]), (2, [2])]


def test_a_beginning_of_two_is_served_once() -> None:
    found = trunks_of([[1], [1, 2], [1, 3]])
    assert sorted(i for _, members in found for i in members) == [0, 1, 2] and len(found) == 2


def test_equal_prompts_share_the_first() -> None:
    assert trunks_of([[7, 8], [1], [7, 8]]) == [(0, [0, 2]), (1, [1])]


def test_trunks_stand_in_the_order_of_what_they_serve() -> None:
    assert [trunk for trunk, _ in trunks_of([[9], [1, 2], [9, 9], [1]])] == [2, 1]


def test_no_prompts_have_no_trunks() -> None:
    assert trunks_of([]) == []
