"""Prices and licence terms change: how old is what `teachers.yaml` says of them?"""

from __future__ import annotations

from datetime import date

from srl_pipeline.teachers.catalog.spec import TeacherEntry

MAX_AGE_DAYS = 180
"""Days after which a price or terms should be looked up again."""


def old_dates(entry: TeacherEntry, today: date) -> list[str]:
    """A sentence for each date of an entry that is old, or that is still to come."""
    dates = {"price": entry.price.as_of if entry.price else None, "terms": entry.terms.as_of if entry.terms else None}
    found: list[str] = []
    for name, day in dates.items():
        if day and day > today:
            found.append(f"'{name}' is dated {day}, which is yet to come.")
        elif day and (age := (today - day).days) > MAX_AGE_DAYS:
            found.append(f"'{name}' was looked up {age} days ago ({day}); look it up again and change 'as_of'.")
    return found
