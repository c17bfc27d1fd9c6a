"""Cells of a Markdown page: percentages, intervals, bars, tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from srl_pipeline.generation.pack_figures.pack_statistics import Share

UNKNOWN = "–"
BAR = 24
"""Characters of the longest bar."""
_FIGURE = re.compile(r"(?:[<>≈] )?-?\d[\d,.]*(?: %)?(?: \([^)]*\))?|–|")


def percent(share: float | None) -> str:
    """A share as a percentage; what is above 0 or below 100 % is never rounded to it."""
    if share is None:
        return UNKNOWN
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def bar(value: float, most: float) -> str:
    """A bar of at most `BAR` characters; anything above 0 shows."""
    if value <= 0 or most <= 0:
        return ""
    return "█" * max(1, round(BAR * value / most))


def rate(share: Share) -> str:
    """A share with its interval in percent, such as ``97.5 % (94.3 to 98.9)``."""
    if share.low is None or share.high is None:
        return percent(share.value) if share.n else UNKNOWN
    return f"{percent(share.value)} ({_bound(share.low)} to {_bound(share.high)})"


def _bound(share: float) -> str:
    return f"{100 * share:.2f}" if share < 0.01 else f"{100 * share:.1f}"


def speed(rate: float | None) -> str:
    """So many a second."""
    return UNKNOWN if rate is None else f"{rate:,.0f}"


def number(value: float | None) -> str:
    """A mean with two decimals at most."""
    return UNKNOWN if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def anchor(title: str) -> str:
    """How Markdown links to a heading."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a column of figures stands to the right."""
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rule = ["---:" if i and all(_FIGURE.fullmatch(row[i]) for row in body) else "---" for i in range(len(columns))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (list(columns), rule, *body))
