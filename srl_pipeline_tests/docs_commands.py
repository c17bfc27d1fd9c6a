"""Test-only: the commands of `srl-pipeline` that a Markdown text names, and whether the command line has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

PROGRAM = re.compile(r"(?:^|(?<=[\s`/]))srl-pipeline +(?P<rest>[^`]*)")
BLOCK = re.compile(r"^(?P<indent> *)```.*\n(?P<body>(?:(?! *```).*\n)*) *```", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`(?P<body>[^`\n]+)`(?!`)")
NAME = re.compile(r"[a-z][a-z-]*")


@dataclass(frozen=True)
class Invocation:
    """The words after `srl-pipeline`."""

    line: int
    words: tuple[str, ...]


def code_lines(markdown: str) -> list[tuple[int, str]]:
    """Number and text of the lines of fenced and inline code, comments left out; a continued line is one."""
    found: list[tuple[int, str]] = []
    for pattern in (BLOCK, INLINE):
        for match in pattern.finditer(markdown):
            first = markdown.count("\n", 0, match.start("body")) + 1
            body = re.sub(r"\\\n", "  ", match["body"])
            found += [(first + n, re.sub(r"\s#.*", "", line)) for n, line in enumerate(body.splitlines())]
    return found


def invocations(markdown: str) -> list[Invocation]:
    """All of a text. ``a | b X`` and ``a X [--c | --d]``, our notation for alternatives, are two commands each."""
    found: list[Invocation] = []
    for line, text in code_lines(markdown):
        if match := PROGRAM.search(text):
            first, *others = (tuple(_words(part)) for part in match["rest"].split(" | "))
            path = tuple(takewhile(NAME.fullmatch, first))
            found.append(Invocation(line, first))
            found += [Invocation(line, (*(path if o[0].startswith("-") else path[:-1]), *o)) for o in others if o]
    return found


def _words(text: str) -> list[str]:
    """Words without quoted text and without the brackets of what may be left out."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", " ", text)
    return [word.strip("[]().,;:") for word in bare.split() if word.strip("[]().,;:")]


def faults(invocation: Invocation, root: Any) -> str:
    """What the command line does not have of it; empty where it has all."""
    node, path, words = root, "", list(invocation.words)
    while words and hasattr(node, "commands") and NAME.fullmatch(words[0]):
        name = words.pop(0)
        if name not in node.commands:
            return f"{path} has no command '{name}'" if path else f"no command '{name}'"
        node, path = node.commands[name], name
    options = {option for parameter in node.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in options | {"--help"}:
            return f"{path} has no option '{option}'"
    return ""
