"""HTML from parts, escaped by construction: what is not `Html` is text, whoever wrote it."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable

# Controls, direction overrides and lone surrogates: invisible, misleading, or no text at all.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_VOID = {"meta"}


class Html(str):
    """Markup; any other text is escaped where it is put into an element."""


Child = Html | str | None


def escaped(text: str) -> Html:
    """``text`` as the content of an element or an attribute's value; what cannot be shown becomes ``�``."""
    return text if isinstance(text, Html) else Html(html.escape(_UNPRINTABLE.sub("\ufffd", text)))


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """One element. ``class_`` is ``class``, ``aria_hidden`` is ``aria-hidden``; an attribute of None is left out."""
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(_plain(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{shown}>" + ("" if name in _VOID else f"{joined(children)}</{name}>"))


def joined(children: Iterable[Child]) -> Html:
    """Several children as one."""
    return Html("".join(escaped(child) for child in children if child is not None))


def document(title: str, style: str, *body: Child) -> Html:
    """A whole page that may load and run nothing: its content policy allows this very style sheet and no more."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(style)),
    )
    return Html("<!doctype html>\n" + element("html", head, element("body", *body), lang="en") + "\n")


def bar(share: float) -> Html:
    """A bar from 0 to 1; what lies below 0 is drawn to its size as a loss."""
    size = min(1.0, abs(share))
    value = element("rect", x=0, y=0, width=100 * size, height=6, class_="loss" if share < 0 else "value")
    track = element("rect", x=0, y=0, width=100, height=6, class_="track")
    return element(
        "svg", track, value, class_="bar", viewBox="0 0 100 6", preserveAspectRatio="none", aria_hidden="true"
    )


def balance(value: float, most: float) -> Html:
    """A bar to the left or right of the middle; ``most`` fills its half."""
    size = 50 * min(1.0, abs(value) / most)
    start, kind = (50 - size, "loss") if value < 0 else (50, "gain")
    rects = (
        element("rect", x=0, y=0, width=100, height=6, class_="track"),
        element("rect", x=start, y=0, width=size, height=6, class_=kind),
        element("rect", x=49.5, y=0, width=1, height=6, class_="middle"),
    )
    return element("svg", *rects, class_="bar", viewBox="0 0 100 6", preserveAspectRatio="none", aria_hidden="true")


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
