"""Markup: what is not markup is text."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from srl_pipeline.evaluation.markup import Html, balance, bar, document, element, escaped


def test_children_and_attributes_are_escaped() -> None:
    made = element("a", '<b>&"', href='"><script>', class_="x")
    assert made == '<a href="&quot;&gt;&lt;script&gt;" class="x">&lt;b&gt;&amp;&quot;</a>'


def test_markup_is_not_escaped_twice() -> None:
    assert element("p", element("b", "<"), Html("&amp;")) == "<p><b>&lt;</b>&amp;</p>"


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\x85", "\u202e", "\u2066", "\ud800"])
def test_what_cannot_be_shown_or_misleads_is_replaced(odd: str) -> None:
    assert escaped(f"a{odd}b") == "a\ufffdb"


def test_lines_and_tabs_stay() -> None:
    assert escaped("a\n\tb") == "a\n\tb"


def test_attributes_that_are_none_or_false_are_left_out() -> None:
    assert element("p", id=None, hidden=False, open=True, aria_label="x") == '<p open aria-label="x"></p>'


def test_the_content_policy_allows_the_style_sheet_and_nothing_else() -> None:
    made = document("t", "p > b { color: red }", "body")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', made)
    assert policy
    digest = base64.b64encode(hashlib.sha256(b"p > b { color: red }").digest()).decode()
    directives = policy[1].replace("&#x27;", "'").split("; ")
    assert directives == ["default-src 'none'", f"style-src 'sha256-{digest}'", "base-uri 'none'", "form-action 'none'"]
    assert "<style>p > b { color: red }</style>" in made


@pytest.mark.parametrize(("share", "width"), [(0, "0"), (0.25, "25"), (1, "100"), (7, "100"), (-1, "100")])
def test_a_bar_is_as_long_as_its_share(share: float, width: str) -> None:
    *_, drawn = re.findall(r'<rect [^>]*width="([^"]*)"[^>]*></rect>', bar(share))
    assert drawn == width


@pytest.mark.parametrize(
    ("value", "x", "width", "kind"),
    [(1, "50", "25", "gain"), (-1, "25", "25", "loss"), (9, "50", "50", "gain"), (-9, "0", "50", "loss")],
)
def test_a_balance_leans_to_the_side_of_its_value(value: float, x: str, width: str, kind: str) -> None:
    assert f'x="{x}" y="0" width="{width}" height="6" class="{kind}"' in balance(value, 2)
