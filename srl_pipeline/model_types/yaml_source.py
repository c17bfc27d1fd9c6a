"""YAML as data: plain values plus the line of every path, hostile constructs refused.

Refused: anchors and aliases (expansion bombs), duplicate keys, tags that build objects, files that are too large or not UTF-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from srl_pipeline.errors import PackError

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
SCALAR_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool"}
_scalars = SafeConstructor()

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
            f"{file.name} has {size:,} bytes; at most {MAX_BYTES:,} are read.", where=str(file), mend="Split or shorten it."
        )
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PackError(
            f"{file.name} is not UTF-8 (byte {error.start}).", where=str(file), mend="Save it with encoding UTF-8."
        ) from error


def parse_yaml(text: str, file: Path, first_line: int = 1) -> YamlSource:
    """Parse YAML text that begins on ``first_line`` of ``file``."""
    lines: dict[YamlPath, int] = {}
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise PackError(
                    "Anchors and aliases are not allowed.",
                    where=f"{file}:{event.start_mark.line + first_line}",
                    mend="Write the value out where it is used.",
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else _build(node, (), lines, file, first_line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (mark.line if mark else 0) + first_line
        problem = getattr(error, "problem", None) or str(error)
        raise PackError(
            f"Not valid YAML: {problem}.", where=f"{file}:{line}", mend="Mend the syntax; check indentation and quotes."
        ) from error
    return YamlSource(file, value, lines)


def read_yaml(file: Path) -> YamlSource:
    """Read and parse a YAML file."""
    return parse_yaml(read_text(file), file)


def _build(node: yaml.Node, path: YamlPath, lines: dict[YamlPath, int], file: Path, first_line: int) -> Any:
    here = node.start_mark.line + first_line
    lines[path] = here
    if len(path) > MAX_DEPTH:
        raise PackError("Nested too deeply.", where=f"{file}:{here}", mend=f"Use at most {MAX_DEPTH} levels.")
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + first_line
            if not isinstance(key_node, yaml.ScalarNode):
                raise PackError("A key must be plain text.", where=f"{file}:{line}", mend="Use a word as key.")
            if key in result:
                raise PackError(f"Key {key!r} stands twice.", where=f"{file}:{line}", mend="Keep one of them.")
            result[key] = _build(value_node, (*path, key), lines, file, first_line)
            lines[(*path, key)] = line
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, i), lines, file, first_line) for i, item in enumerate(node.value)]
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if node.tag not in SCALAR_TAGS:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return str(node.value)
        raise PackError(f"Tag {node.tag} is not allowed.", where=f"{file}:{here}", mend="Use plain text, numbers or lists.")
    value = _scalars.construct_object(node)
    if isinstance(value, float) and not math.isfinite(value):
        raise PackError(f"{value} is not a number.", where=f"{file}:{here}", mend="Write a finite number.")
    return value
