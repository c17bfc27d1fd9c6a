"""Test-only: the code of a Markdown text: its fenced blocks, its inline code, and the commands in both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent

FENCE = re.compile(r"^ *```(?P<language>\w*)(?P<info>.*)\n(?P<body>(?:(?! *```).*\n)*) *```$", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`(?P<body>[^`\n]+)`(?!`)")
PROGRAMS = (
    "srl-pipeline", "make", "python", "pytest", "dagster", "dagster-webserver", "dagster-daemon", "terraform", "helm",
    "kubectl", "docker", "aws", "promtool", "pip", "git", "cp", "rm", "mkdir", "openssl", "curl", "gcloud",
)  # fmt: skip
"""What inline code that is a command begins with; in a block of bash every line is a command."""
PROGRAM = re.compile(rf"(?:\S+/)?(?:{'|'.join(PROGRAMS)}) ")


@dataclass(frozen=True)
class Block:
    """A fenced block: ```language title="file" exit=1 slow"""

    language: str
    info: str
    body: str
    line: int

    @property
    def title(self) -> str:
        found = re.search(r'title="([^"]+)"', self.info)
        return found[1] if found else ""

    @property
    def status(self) -> int:
        """Exit status that a command has to have."""
        found = re.search(r"exit=(\d+)", self.info)
        return int(found[1]) if found else 0

    @property
    def slow(self) -> bool:
        return "slow" in self.info.split()


@dataclass(frozen=True)
class Command:
    """A line that a reader may type."""

    line: int
    text: str


def blocks(markdown: str) -> list[Block]:
    """All fenced blocks, in order."""
    return [
        Block(m["language"], m["info"], dedent(m["body"]), markdown.count("\n", 0, m.start()) + 1)
        for m in FENCE.finditer(markdown)
    ]


def fenced_commands(markdown: str) -> list[Command]:
    """Every line of every block of bash, comments left out; a continued line is one, ``a && b`` are two."""
    found: list[Command] = []
    for block in blocks(markdown):
        if block.language == "bash":
            body = re.sub(r"\\\n", "  ", block.body)
            for number, line in enumerate(body.splitlines(), block.line + 1):
                parts = _bare(line).split(" && ")
                found += [Command(number, part.strip()) for part in parts if part.strip()]
    return found


def inline_commands(markdown: str) -> list[Command]:
    """Inline code that begins with a program and has a word after it."""
    prose = FENCE.sub(lambda m: "\n" * m[0].count("\n"), markdown)
    return [
        Command(prose.count("\n", 0, m.start()) + 1, _bare(m["body"]).strip())
        for m in INLINE.finditer(prose)
        if PROGRAM.match(m["body"])
    ]


def commands(markdown: str) -> list[Command]:
    """Those of blocks and those in a line."""
    return fenced_commands(markdown) + inline_commands(markdown)


def _bare(line: str) -> str:
    return re.sub(r"(?:^|\s)#.*", "", line)
