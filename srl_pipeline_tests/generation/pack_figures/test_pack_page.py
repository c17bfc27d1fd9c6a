"""The statistics page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from srl_pipeline.generation.pack_figures.pack_page import page
from srl_pipeline.generation.pack_figures.pack_statistics import PackStatistics, TokenFigures
from srl_pipeline.generation.pack_figures.page_text import BAR, bar, percent, table
from srl_pipeline_tests.generation.pack_figures.figures import FIELD, RULE, houses


def row(text: str, start: str) -> list[str]:
    [line] = [x for x in text.splitlines() if x.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def tables(text: str) -> list[list[str]]:
    blocks = [b.splitlines() for b in text.split("\n\n")]
    return [b for b in blocks if b[0].startswith("|")]


def two() -> list[PackStatistics]:
    return [houses(), replace(houses(), name="trees", title="Old trees")]


def test_all_packs_stand_in_one_table_before_the_section_of_the_first() -> None:
    text = page(two())
    assert text.index("| [Houses](#houses) |") < text.index("| [Old trees](#old-trees) |") < text.index("## Houses")
    assert text.index("## Houses") < text.index("## Old trees")


def test_a_pack_s_row_holds_its_figures() -> None:
    assert row(page([houses()]), "[Houses](#houses)")[1:] == [
        "1,804",
        "31",
        "1 (0)",
        "95 %",
        "93 %",
        "40 / 40 / 20 %",
        "0.1 % (0.07 to 0.21)",
        "100 % (98.1 to 100.0)",
        "95 %",
        "12 %",
        "182",
    ]


def test_an_estimated_count_is_marked_as_such() -> None:
    text = page([houses(scenarios={"counted": False})])
    assert row(text, "[Houses](#houses)")[1] == "≈ 1,804"
    assert "(estimated)" in text


def test_a_rule_s_row_holds_the_matrix() -> None:
    text = page([houses(rules=[RULE, replace(RULE, rule="mild", severity="soft", alone=None)])])
    expected = ["1. Materials", "hard", "regional materials", "100 %", "84.4 %", "5.4 %", "5 %"]
    assert row(text, "`stone-is-local`")[1:] == expected
    assert row(text, "`mild`")[-1] == "–"


def test_a_field_s_row_holds_its_freedom() -> None:
    assert row(page([houses()]), "`stone`")[1:] == ["Materials", "8", "8", "1", "1.18", "2.5", "100 %"]


def test_a_field_that_could_not_be_decided_is_not_a_zero() -> None:
    assert row(page([houses(fields=[replace(FIELD, possible=None)])]), "`stone`")[6] == "–"


def test_the_longest_bar_is_the_commonest_difficulty() -> None:
    text = page([houses()])
    assert row(text, "0.5 to 0.6")[1:3] == ["40 %", "█" * BAR]
    assert row(text, "0.2 to 0.3")[1:3] == ["30 %", "█" * (BAR * 3 // 4)]
    assert row(text, "0.1 to 0.2")[1:3] == ["0 %", ""]


def test_without_an_evaluation_set_its_column_is_empty() -> None:
    text = page([houses(scenarios={"held_out": None, "difficulty_held_out": [0] * 10})])
    assert row(text, "0.5 to 0.6")[3:] == ["–", ""]
    assert row(text, "the evaluation set")[1] == "–"


def test_every_table_has_a_sentence_before_it_that_says_what_is_bad_or_how_to_read_it() -> None:
    blocks = page([houses()]).split("\n\n")
    before = [blocks[i - 1] for i, block in enumerate(blocks) if block.startswith("|")]
    assert len(before) == 7
    assert all(len(text) > 40 and text.rstrip().endswith(".") for text in before)


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    awkward = replace(houses(), description="A | B", tokens=TokenFigures(20, 31, 120.5, 240))
    for lines in tables(page([awkward, houses(fields=[])])):
        assert len({line.count("|") - line.count("\\|") for line in lines}) == 1


def test_tokens_are_shown_when_they_were_counted() -> None:
    assert "tokens" not in page([houses()])
    text = page([houses(tokens=TokenFigures(20, 31, 120.5, 240))])
    assert row(text, "tokens of an episode without monologues: median, most")[1] == "120.5, 240"


def test_what_stands_out_is_listed_and_the_heading_left_out_when_nothing_does() -> None:
    assert "### Worth a look" not in page([houses()])
    assert "- There is no evaluation set." in page([houses(scenarios={"held_out": None})])


def test_a_pack_that_does_not_load_is_told_with_its_error_in_one_line() -> None:
    text = page([houses()], {"broken": "titel: not known.\n  where: pack.yaml:2"})
    assert "**broken** cannot be measured: titel: not known. where: pack.yaml:2" in text


def test_a_page_of_nothing_but_errors_has_no_tables() -> None:
    assert tables(page([], {"broken": "bad"})) == []


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "–"), (0.0, "0 %"), (0.00001, "< 0.1 %"), (0.123, "12.3 %"), (0.9999, "> 99.9 %"), (1.0, "100 %")],
)
def test_a_percentage_is_never_rounded_to_none_or_all(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_whatever_is_more_than_nothing_has_a_bar() -> None:
    assert [bar(0, 10), bar(0.001, 10), bar(10, 10)] == ["", "█", "█" * BAR]


def test_figures_stand_to_the_right_and_a_bar_in_a_word_breaks_no_table() -> None:
    assert table(("what", "n", "why"), [("a|b", "< 0.1 %", "x"), ("c", "–", "y")]).splitlines() == [
        "| what | n | why |",
        "| --- | ---: | --- |",
        "| a\\|b | < 0.1 % | x |",
        "| c | – | y |",
    ]
