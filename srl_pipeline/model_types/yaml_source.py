"""YAML as data: plain values plus the line of every path, hostile constructs refused.

Refused: anchors and aliases (expansion bombs), deep nesting, duplicate keys, tags that build objects, files that are
too large or not UTF-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import ReaderError

from srl_pipeline.errors import PackError

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
NULL_TAG = "tag:yaml.org,2002:null"
TIME_TAG = "tag:yaml.org,2002:timestamp"
SCALAR_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool")}

YamlPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlSource:
    """A parsed file: its value and the line on which each path begins."""

    file: Path
    value: Any
    lines: dict[YamlPath, int]

    def place(self, path: YamlPath) -> str:
        """``file:line`` of the deepest known ancestor of ``path``."""
        for end in range(len(path), -1, -1):
            if (line := self.lines.get(path[:end])) is not None:
                return f"{self.file}:{line}"
        return str(self.file)


def read_text(file: Path) -> str:
    """UTF-8 text of a pack file, bounded in size."""
    if not file.is_file():
        raise PackError(f"{file.name} is missing.", where=str(file), mend="Write it; docs/packs.md shows its format.")
    if (size := file.stat().st_size) > MAX_BYTES:
        raise PackError(
            f"{file.name} has {size:,} bytes; at most {MAX_BYTES:,} are read.",
            where=str(file),
            mend="Split or shorten it.",
        )
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PackError(
            f"{file.name} cannot be read: {error.strerror}.", where=str(file), mend="Grant access to the file."
        ) from error
    try:
        text = data.decode("utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise PackError(
            f"{file.name} is not UTF-8 (byte {error.start}).",
            where=f"{file}:{_line_at(data, error.start)}",
            mend="Save it with encoding UTF-8.",
        ) from error
    return text.replace("\r\n", "\n")


def parse_yaml(text: str, file: Path, first_line: int = 1) -> YamlSource:
    """Parse YAML text that begins on ``first_line`` of ``file``."""
    builder = _Builder(file, first_line)
    try:
        _refuse_hostile(text, builder)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else builder.build(node, ())
    except ReaderError as error:
        raise PackError(
            f"Not valid YAML: the character {chr(error.character)!r} is not allowed.",
            where=f"{file}:{text.count(chr(10), 0, error.position) + first_line}",
            mend="Remove it; it is usually invisible.",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (mark.line if mark else 0) + first_line
        problem = getattr(error, "problem", None) or str(error)
        raise PackError(
            f"Not valid YAML: {problem}.", where=f"{file}:{line}", mend="Mend the syntax; check indentation and quotes."
        ) from error
    return YamlSource(file, value, builder.lines)


def read_yaml(file: Path) -> YamlSource:
    """Read and parse a YAML file."""
    return parse_yaml(read_text(file), file)


def _line_at(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _refuse_hostile(text: str, builder: _Builder) -> None:
    """Refuse anchors, aliases and deep nesting while events stream by: building a tree of them would be too late."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise builder.error("Anchors and aliases are not allowed.", event, "Write the value out where it is used.")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise builder.error("Nested too deeply.", event, f"Use at most {MAX_DEPTH} levels.")


class _Builder:
    """Turns nodes into values and remembers where they stood."""

    def __init__(self, file: Path, first_line: int) -> None:
        self.lines: dict[YamlPath, int] = {}
        self._file, self._first_line = file, first_line
        self._scalars = SafeConstructor()  # one a file: it keeps every node that it has seen

    def error(self, what: str, at: yaml.Node | yaml.Event, mend: str) -> PackError:
        """An error at the line of a node or event."""
        return PackError(what, where=f"{self._file}:{self._line(at)}", mend=mend)

    def build(self, node: yaml.Node, path: YamlPath) -> Any:
        """The value of ``node``."""
        self.lines.setdefault(path, self._line(node))  # a key's line is set already, and is the better place
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: YamlPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error("A key must be plain text.", key_node, "Use a word as key.")
            key = str(key_node.value)
            if key in result:
                raise self.error(f"Key {key!r} stands twice.", key_node, "Keep one of them.")
            self.lines[(*path, key)] = self._line(key_node)
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag == NULL_TAG:
            return None
        if node.tag == TIME_TAG:
            return str(node.value)
        if node.tag not in SCALAR_TAGS:
            raise self.error(f"Tag {node.tag} is not allowed.", node, "Use plain text, numbers or lists.")
        try:
            value = self._scalars.construct_object(node)
            if isinstance(value, (int, float)) and not math.isfinite(value):
                raise ValueError
        except (ValueError, KeyError, OverflowError) as error:
            shown = str(node.value)[:40]
            raise self.error(f"{shown} is not a number that can be used.", node, "Write a finite number.") from error
        return value

    def _line(self, at: yaml.Node | yaml.Event) -> int:
        mark: Any = at.start_mark
        return mark.line + self._first_line
