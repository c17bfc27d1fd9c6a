"""Old prices and terms are told."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from srl_pipeline.teachers.catalog import TeacherEntry, old_dates, read_catalog
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of

LOOKED_UP = date(2026, 1, 1)


def hosted(tmp_path: Path) -> TeacherEntry:
    file = tmp_path / "teachers.yaml"
    file.write_text(file_of(entry(day=LOOKED_UP.isoformat())))
    return read_catalog(file).entry("hosted")


def test_dates_of_the_last_half_year_are_fine(tmp_path: Path) -> None:
    assert old_dates(hosted(tmp_path), LOOKED_UP + timedelta(days=180)) == []


def test_older_dates_are_told_with_their_age(tmp_path: Path) -> None:
    price, terms = old_dates(hosted(tmp_path), LOOKED_UP + timedelta(days=181))
    assert price.startswith("'price' was looked up 181 days ago (2026-01-01)")
    assert terms.startswith("'terms'")


def test_a_date_to_come_is_a_mistake(tmp_path: Path) -> None:
    assert "yet to come" in old_dates(hosted(tmp_path), LOOKED_UP - timedelta(days=1))[0]
