"""Test-only: what our notation of commands stands for, and whether the command line has it.

``a | b X`` are two commands, ``[--c]`` may be left out, ``[--c | --d]`` and ``x|y`` are a choice.
"""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from typing import Any

NAME = re.compile(r"[a-z][a-z-]*")
BRACKET = re.compile(r" ?\[([^\[\]]*)\]")
CHOICE = re.compile(r"[\w.]+(?:\|[\w.]+)+")


def expand(text: str) -> list[str]:
    """Every command that ``text`` stands for: without what may be left out, and with each choice of it."""
    program, _, rest = text.partition(" ")
    first, *others = _alternatives(rest)
    path = list(takewhile(NAME.fullmatch, first.split()))
    written = [first, *(" ".join([*path[:-1], other]) for other in others)]
    found: dict[str, None] = {}
    for words in written:
        brackets = [_alternatives(b) for b in BRACKET.findall(words)]
        choices = max([len(b) for b in brackets] + [len(c.split("|")) for c in CHOICE.findall(words)], default=1)
        bare = BRACKET.sub("", words)
        for number in range(choices):
            full = BRACKET.sub(lambda m, n=number: f" {_chosen(_alternatives(m[1]), n)}", words)
            for variant in (bare, full):
                made = CHOICE.sub(lambda m, n=number: _chosen(m[0].split("|"), n), variant)
                found[f"{program} {made}".strip()] = None
    return list(found)


def _alternatives(text: str) -> list[str]:
    """``text`` cut at each " | " outside brackets."""
    parts, depth, last = list[str](), 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "[") - (sign == "]")
        if depth == 0 and text.startswith(" | ", at):
            parts.append(text[last:at].strip())
            last = at + 3
    return [*parts, text[last:].strip()]


def _chosen(choices: list[str], number: int) -> str:
    return choices[min(number, len(choices) - 1)]


def faults(text: str, root: Any) -> str:
    """What the command line ``root`` does not have of a command; empty where it has all."""
    node, path, words = root, "", shlex.split(text)[1:]
    while words and hasattr(node, "commands") and NAME.fullmatch(words[0]):
        name = words.pop(0)
        if name not in node.commands:
            return f"{path} has no command '{name}'" if path else f"no command '{name}'"
        node, path = node.commands[name], name
    options = {option for parameter in node.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in options | {"--help", "--install-completion"}:
            return f"{path} has no option '{option}'"
    return ""
