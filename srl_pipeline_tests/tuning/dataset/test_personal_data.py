"""Personal data is found by form and check digit; stories full of numbers are left alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import srl_pipeline.model_types
from srl_pipeline.tuning.dataset.personal_data import personal_data


def found(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in personal_data(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "anna.lind+lamps@post.lamps.co.uk"),
        ("email", "a@b.de"),
        ("phone", "+49 30 1234567"),
        ("phone", "+49 (0)30 123456"),
        ("phone", "0049 171 2345678"),
        ("phone", "+1 (415) 555-2671"),
        ("phone", "+33 6 12 34 56 78"),
        ("phone", "+4915112345678"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB82WEST12345698765432"),
        ("card", "4111 1111 1111 1111"),
        ("card", "378282246310005"),
        ("card", "3782 822463 10005"),
        ("card", "5555-5555-5555-4444"),
        ("ip_address", "8.8.4.4"),
        ("ip_address", "2a00:1450:4001:81b::200e"),
        ("social_security", "078-05-1120"),
        ("social_security", "15 070649 C 103"),
    ],
)
def test_it_is_found_where_it_stands(kind: str, value: str) -> None:
    assert found(f"Write to {value}, she said; or not.") == [(kind, value)]
    assert found(f'"{value}"') == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "a gain of +3 and +10 20 30 40 50, then +120",
        "scores +20 30 40 50 60",
        "+1 234 067 8901, +1 134 567 8901, +1 234 567 890",
        "DE88 3704 0044 0532 0130 00",
        "4111 1111 1111 1112",
        "1234567890123456",
        "0.4111111111111111",
        "version 1.2.3, section 4.5.6.7.8, 999.1.1.1",
        "192.0.2.7, 198.51.100.1, 203.0.113.9, 2001:db8::7, ::1, 127.0.0.1, 0.0.0.0",
        "at 12:30:45, std::vector, a::b, dead::beef, 12:30",
        "000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567, 123-45-0000, 2024-05-11",
        "15 070649 C 104",
        "@anna, anna@, anna@home, 3@4.5",
        "3,000,000,000,000 leaves and 0049 lanterns",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_several_in_one_text_come_in_its_order() -> None:
    text = "Pay DE89370400440532013000 or 4111111111111111; ask a@b.de or +49 30 1234567."
    assert [kind for kind, _ in found(text)] == ["iban", "card", "email", "phone"]


def test_capitals_after_an_account_number_are_no_part_of_it() -> None:
    assert found("DE89 3704 0044 0532 0130 00 AND MORE") == [("iban", "DE89 3704 0044 0532 0130 00")]


def test_the_lore_and_rules_of_all_packs_hold_none() -> None:
    folder = Path(srl_pipeline.model_types.__file__).parent
    texts = [
        p.read_text(encoding="utf-8")
        for kind in ("lore/*.md", "pack.yaml", "rules.yaml")
        for p in folder.glob(f"*/{kind}")
    ]
    assert len(texts) > 250
    assert [f for text in texts for f in found(text)] == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='0123456789 .-:@+aDE(){}"\\n', max_size=80))
def test_any_text_gives_spans_that_do_not_overlap(text: str) -> None:
    spans = personal_data(text)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
