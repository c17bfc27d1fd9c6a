"""Tables that a screen reader can read and that a narrow screen shows as cards. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.evaluation.markup import Child, Html, element, joined


def cell(label: str, *children: Child, class_: str = "") -> Html:
    """A cell; ``label`` is the column's name, shown beside it on a narrow screen. Nothing in it: hidden there."""
    content = joined(children)
    kind = " ".join(name for name in (class_, "" if content else "empty") if name)
    return element("td", content, data_label=label, role="cell", class_=kind or None)


def row(name: Child, *cells: Html) -> Html:
    """A row that is headed by ``name``."""
    return element("tr", element("th", name, scope="row", role="rowheader"), *cells, role="row")


def table(title: str, columns: Sequence[str], rows: Sequence[Html], *, class_: str, numbers: int = 0) -> Html:
    """A table in a card. ``title`` is for screen readers; the last ``numbers`` columns are aligned right."""
    first = len(columns) - numbers
    heads = [
        element("th", name, scope="col", role="columnheader", class_="number" if i >= first else None)
        for i, name in enumerate(columns)
    ]
    head = element("thead", element("tr", *heads, role="row"), role="rowgroup")
    body = element("tbody", *rows, role="rowgroup")
    caption = element("caption", title, class_="hidden")
    # the roles stay where the style sheet takes the layout of a table away, and with it what a reader is told
    return element("div", element("table", caption, head, body, role="table", class_=f"stack {class_}"), class_="card")
