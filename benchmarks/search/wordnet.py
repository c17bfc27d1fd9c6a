"""WordNet's database files (format: WNDB(5WN)): sets of synonyms with a definition and example sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.errors import BenchmarkError

PARTS = ("noun", "verb", "adj", "adv")
"""Parts of speech; each has its own file ``data.<part>``."""
_QUOTED = re.compile(r'"([^"]+)"')
_ADJECTIVE_MARKER = re.compile(r"\((?:p|a|ip)\)$")


@dataclass(frozen=True)
class Synset:
    """Words that mean the same, and what they mean."""

    id: str
    """``<part>-<offset>``."""
    part: str
    words: tuple[str, ...]
    definition: str
    """The gloss up to its first quotation."""
    examples: tuple[str, ...]
    """Sentences that the gloss quotes."""


def data_files(folder: Path) -> list[Path]:
    """The four files of the database in ``folder``; raises BenchmarkError when one is missing."""
    files = [folder / f"data.{part}" for part in PARTS]
    if missing := [file.name for file in files if not file.is_file()]:
        raise BenchmarkError(
            f"WordNet's {missing[0]} is missing.",
            where=str(folder),
            mend="Give the folder that holds data.noun, data.verb, data.adj and data.adv with --wordnet.",
        )
    return files


def read_synsets(folder: Path) -> list[Synset]:
    """All synsets with a definition, in the files' order; raises BenchmarkError naming file and line."""
    return [synset for file in data_files(folder) for synset in _read(file)]


def _read(file: Path) -> Iterator[Synset]:
    part = file.name.removeprefix("data.")
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _unreadable(f"is not UTF-8 ({error.reason})", str(file)) from error
    for number, line in enumerate(lines, start=1):
        # The licence at the head is indented; synsets are not.
        if not line.strip() or line.startswith(" "):
            continue
        try:
            synset = parse_line(line, part)
        except ValueError as error:
            raise _unreadable(str(error), f"{file}:{number}") from error
        if synset.definition:
            yield synset


def _unreadable(what: str, where: str) -> BenchmarkError:
    mend = "Use the unaltered files of WordNet 3.0 or 3.1."
    return BenchmarkError(f"A WordNet file {what}.", where=where, mend=mend)


def parse_line(line: str, part: str) -> Synset:
    """One line of ``data.<part>``; raises ValueError when it is not a synset."""
    head, bar, gloss = line.partition("|")
    fields = head.split()
    try:
        offset, count = int(fields[0]), int(fields[3], 16)
    except (IndexError, ValueError):
        raise ValueError("holds a line that is no synset") from None
    words = fields[4 : 4 + 2 * count : 2]
    if not bar or count < 1 or len(words) < count:
        raise ValueError("holds a synset without gloss or with fewer words than it says")
    return Synset(
        id=f"{part}-{offset:08d}",
        part=part,
        words=tuple(_ADJECTIVE_MARKER.sub("", word).replace("_", " ") for word in words),
        definition=gloss.partition('"')[0].strip().rstrip(";:,- ").strip(),
        examples=tuple(example.strip() for example in _QUOTED.findall(gloss)),
    )
