"""How the status page writes names, times and money. Pure; whatever is handed in, something readable comes out."""

from __future__ import annotations

from datetime import datetime

from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.evaluation.wording import UNKNOWN, bounds, percent
from srl_pipeline.tracking import shown

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHORT = 10


def plain(name: str) -> str:
    """A name of a program as people write it."""
    return name.replace("_", " ")


def when(text: str, *, day_only: bool = False) -> str:
    """``3 Dec 2026, 14:20`` of an ISO time; what is none is returned as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text or UNKNOWN
    day = f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return day if day_only else f"{day}, {at:%H:%M}"


def month_name(text: str) -> str:
    """``December 2026`` as ``Dec 2026`` of ``2026-12``."""
    return when(f"{text}-01", day_only=True).removeprefix("1 ")


def short(version: str) -> str:
    """The first characters of a data version."""
    return version[:SHORT] or UNKNOWN


def usd(value: float | None) -> str:
    """US dollars to the cent; smaller amounts to two figures."""
    return UNKNOWN if value is None else shown("chain_cost_usd", value)


def fraction(solved: Estimate) -> str:
    """``41 of 60``, or what is known."""
    if solved.value is None:
        return "not measured"
    return f"{round(solved.value * solved.n)} of {solved.n}" if solved.n else percent(solved.value)


def interval(solved: Estimate) -> str:
    """``68.3 % (56 to 79)``."""
    if solved.value is None or solved.low is None:
        return percent(solved.value)
    return f"{percent(solved.value)} ({bounds(solved)})"
