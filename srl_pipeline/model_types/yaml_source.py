"""YAML as data: plain values plus the line of every path, hostile constructs refused.

Refused: anchors and aliases (expansion bombs), deep nesting, more values than any pack needs, duplicate keys, tags
that build objects, characters that cannot be shown, numbers that take long to read.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import ReaderError

from srl_pipeline.errors import PackError
from srl_pipeline.model_types.text_files import printable, read_text

MAX_DEPTH = 20
MAX_VALUES = 50_000
"""Keys and values in a file: twenty times what a large pack has. A flat file of MAX_BYTES would be read for minutes."""
MAX_KEY = 100
MAX_DIGITS = 64
"""Characters of a number: `1:1:1:…` is a number to base 60 in YAML, and takes a time that grows with its square."""
UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and halves of characters, which an escape in quotes makes: no terminal or model takes them."""
COLLECTION_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq")}
NULL_TAG = "tag:yaml.org,2002:null"
TIME_TAG = "tag:yaml.org,2002:timestamp"
TEXT_TAG = "tag:yaml.org,2002:str"
SCALAR_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool")}

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


def _refuse_hostile(text: str, builder: _Builder) -> None:
    """Refuse what is hostile while events stream by: building a tree of it would be too late."""
    depth = count = 0
    loader = yaml.SafeLoader(text)
    while (event := _next_event(loader, builder)) is not None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise builder.error("Anchors and aliases are not allowed.", event, "Write the value out where it is used.")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise builder.error("Nested too deeply.", event, f"Use at most {MAX_DEPTH} levels.")
        count += isinstance(event, yaml.NodeEvent)
        if count > MAX_VALUES:
            raise builder.error(f"More than {MAX_VALUES:,} keys and values.", event, "Shorten the file.")


def _next_event(loader: yaml.SafeLoader, builder: _Builder) -> yaml.Event | None:
    """The next event; an escape or a version whose number is absurd becomes an error with its line."""
    try:
        return loader.get_event()
    except (ValueError, OverflowError) as error:  # of chr() and int() in the scanner
        here: Any = loader
        what = "Not valid YAML: the number of an escape or a directive is too large."
        raise builder.error(what, here.get_mark(), "Write a character that exists, as it is.") from error


class _Builder:
    """Turns nodes into values and remembers where they stood."""

    def __init__(self, file: Path, first_line: int) -> None:
        self.lines: dict[YamlPath, int] = {}
        self._file, self._first_line = file, first_line
        self._scalars = SafeConstructor()  # one a file: it keeps every node that it has seen

    def error(self, what: str, at: yaml.Node | yaml.Event | yaml.Mark, mend: str) -> PackError:
        """An error at the line of a node, event or mark."""
        return PackError(what, where=f"{self._file}:{self._line(at)}", mend=mend)

    def build(self, node: yaml.Node, path: YamlPath) -> Any:
        """The value of ``node``."""
        self.lines.setdefault(path, self._line(node))  # a key's line is set already, and is the better place
        if isinstance(node, yaml.CollectionNode) and node.tag not in COLLECTION_TAGS:
            raise self._tag_error(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: YamlPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or len(key_node.value) > MAX_KEY:
                raise self.error("A key must be plain, short text.", key_node, "Use a word as key.")
            key = self._text(key_node)
            if key in result:
                raise self.error(f"Key {key!r} stands twice.", key_node, "Keep one of them.")
            self.lines[(*path, key)] = self._line(key_node)
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag == NULL_TAG:
            return None
        if node.tag in (TIME_TAG, TEXT_TAG):
            return self._text(node)
        if node.tag not in SCALAR_TAGS:
            raise self._tag_error(node)
        try:
            if len(node.value) > MAX_DIGITS:
                raise ValueError
            value = self._scalars.construct_object(node)
            if isinstance(value, (int, float)) and not math.isfinite(value):
                raise ValueError
        except (ValueError, LookupError, OverflowError) as error:  # an index, of a number without digits
            shown = str(node.value)[:40]
            raise self.error(f"{shown} is not a number that can be used.", node, "Write a finite number.") from error
        return value

    def _text(self, node: yaml.Node) -> str:
        if bad := UNSHOWABLE.search(node.value):
            raise self.error(f"The character {bad[0]!r} is not allowed.", node, "Remove it.")
        return str(node.value)

    def _tag_error(self, node: yaml.Node) -> PackError:
        return self.error(f"Tag {printable(node.tag):.60} is not allowed.", node, "Use plain text, numbers or lists.")

    def _line(self, at: yaml.Node | yaml.Event | yaml.Mark) -> int:
        mark: Any = at if isinstance(at, yaml.Mark) else at.start_mark
        return mark.line + self._first_line
