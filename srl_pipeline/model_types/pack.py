"""A pack: load it, refuse what is wrong with file and line, hash it.

`PackDefinition` (everything but the lore) is what the `rule_set` asset pins; the lore is pinned by `lore_index`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from srl_pipeline.canonical import digest
from srl_pipeline.errors import PackError
from srl_pipeline.model_types.documents import LoreDocument, read_document
from srl_pipeline.model_types.spec import Evaluation, Examples, PackSpec, Rules, Spec
from srl_pipeline.model_types.yaml_source import YamlSource, read_yaml

BUILT_IN = Path(__file__).resolve().parent
S = TypeVar("S", bound=Spec)


class PackDefinition(Spec):
    """pack.yaml, rules.yaml, examples.yaml and evaluation.yaml of one model type."""

    name: str
    spec: PackSpec
    rules: Rules
    examples: Examples
    evaluation: Evaluation

    @cached_property
    def version(self) -> str:
        """Content hash: comments, order of keys and white space do not count."""
        return digest(self.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True)
class Pack:
    """A model type: its definition and its lore."""

    definition: PackDefinition
    documents: dict[str, LoreDocument]
    places: dict[str, str] = field(default_factory=dict, compare=False)
    """Rule, constraint or example id -> file:line, where the pack was read from files."""

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def spec(self) -> PackSpec:
        return self.definition.spec

    @cached_property
    def lore_version(self) -> str:
        """Content hash of the corpus."""
        return digest([d.model_dump(mode="json") for _, d in sorted(self.documents.items())])


def pack_folders() -> list[Path]:
    """Folders that hold packs: the built-in one and those of ``SRL_PACKS`` (separated by ``:``)."""
    extra = [Path(p).absolute() for p in os.environ.get("SRL_PACKS", "").split(os.pathsep) if p]
    for folder in extra:
        if not folder.is_dir():
            raise PackError(
                f"{folder} is not a folder.", where="environment variable SRL_PACKS", mend="Correct or unset it."
            )
    return [BUILT_IN, *extra]


def find_packs() -> dict[str, Path]:
    """Name -> folder of every pack, without reading them. A name that two folders bring is refused."""
    found: dict[str, Path] = {}
    for parent in pack_folders():
        for file in sorted(parent.glob("*/pack.yaml")):
            name = file.parent.name
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name):
                raise PackError(
                    f"{name!r} is not a name for a model type.", where=str(file.parent), mend="Use lower_snake_case."
                )
            if name in found:
                raise PackError(
                    f"Model type {name!r} stands in two folders.",
                    where=f"{found[name]} and {file.parent}",
                    mend="Rename one of them.",
                )
            found[name] = file.parent
    return found


def pack_folder(name: str) -> Path:
    """The folder of one pack; raises PackError with the known names."""
    packs = find_packs()
    if name not in packs:
        raise PackError(
            f"There is no model type {name!r}.",
            where=", ".join(str(f) for f in pack_folders()),
            mend=f"Use one of: {', '.join(packs) or 'none found'}; or add one with 'srl-pipeline packs new {name}'.",
        )
    return packs[name]


def load_pack(name: str) -> Pack:
    """Load one pack by name."""
    return read_pack(pack_folder(name))


def read_pack(folder: Path) -> Pack:
    """Read a pack from its folder and check everything that needs no rule to be run."""
    sources = {stem: read_yaml(folder / f"{stem}.yaml") for stem in ("pack", "rules", "examples")}
    spec = _validate(PackSpec, sources["pack"])
    evaluation_file = folder / "evaluation.yaml"
    definition = PackDefinition(
        name=folder.name,
        spec=spec,
        rules=_validate(Rules, sources["rules"]),
        examples=_validate(Examples, sources["examples"]),
        evaluation=_validate(Evaluation, read_yaml(evaluation_file))
        if evaluation_file.exists()
        else Evaluation(version=1, scenarios=[]),
    )
    documents = _read_documents(folder / "lore")
    _check_axes(spec, documents, sources["pack"])
    _check_rules(definition, sources["rules"])
    return Pack(definition, documents, _places(sources))


def _validate(model: type[S], source: YamlSource) -> S:
    try:
        return model.model_validate(source.value if source.value is not None else {})
    except ValidationError as error:
        # Of a union's branches the deepest failure is the one that the writer meant.
        first = max(error.errors(), key=lambda e: len(e["loc"]))
        known = tuple(part for part in first["loc"] if isinstance(part, int) or _is_key(source.value, part))
        raise PackError(
            f"{'.'.join(str(p) for p in known) or source.file.stem}: {first['msg']}.",
            where=source.place(known),
            mend="docs/packs.md shows the format of every file.",
        ) from error


def _is_key(value: object, part: str | int) -> bool:
    """Whether ``part`` is a key somewhere in ``value``: pydantic mixes branch names into its locations."""
    if isinstance(value, dict):
        return part in value or any(_is_key(v, part) for v in value.values())
    return isinstance(value, list) and any(_is_key(v, part) for v in value)


def _read_documents(folder: Path) -> dict[str, LoreDocument]:
    files = sorted(folder.glob("*.md"))
    if not files:
        raise PackError("There is no lore.", where=str(folder), mend="Add Markdown documents; see docs/packs.md.")
    documents: dict[str, LoreDocument] = {}
    for file in files:
        document = read_document(file)
        if document.id in documents:
            raise PackError(
                f"Document id {document.id!r} stands in two files.",
                where=f"{folder / documents[document.id].file} and {file}",
                mend="Give one of them another id.",
            )
        documents[document.id] = document
    return documents


def _check_axes(spec: PackSpec, documents: dict[str, LoreDocument], source: YamlSource) -> None:
    for axis, values in spec.axes.items():
        if not isinstance(values, dict):
            continue
        for value, detail in values.items():
            if detail.lore and detail.lore not in documents:
                raise PackError(
                    f"Axis {axis}, value {value}: there is no lore document {detail.lore!r}.",
                    where=source.place(("axes", axis, value)),
                    mend=f"Add lore/{detail.lore}.md or name an existing document.",
                )
        bound = [set(documents[d.lore].facts) for d in values.values() if d.lore]
        if bound and any(names != bound[0] for names in bound):
            odd = next(v for v, d in values.items() if d.lore and set(documents[d.lore].facts) != bound[0])
            raise PackError(
                f"Axis {axis}: the documents of its values do not have the same facts ({odd!r} differs).",
                where=source.place(("axes", axis, odd)),
                mend=f"Give each the facts {', '.join(sorted(set.union(*bound)))}.",
            )
    for name in re.findall(r"\{(\w+)\}", spec.brief):
        if name not in spec.axes:
            raise PackError(
                f"The brief names {{{name}}}, which is no axis.", where=source.place(("brief",)), mend="Name an axis."
            )


def _places(sources: dict[str, YamlSource]) -> dict[str, str]:
    lists = (("pack", "constraints"), ("rules", "rules"), ("examples", "gold"), ("examples", "counter"))
    return {
        item["id"]: sources[file].place((key, index))
        for file, key in lists
        for index, item in enumerate(sources[file].value.get(key) or [])
    } | {"difficulty": sources["pack"].place(("difficulty",))}


def _check_rules(definition: PackDefinition, source: YamlSource) -> None:
    seen: set[str] = set()
    for index, rule in enumerate(definition.rules.rules):
        if rule.id in seen:
            raise PackError(
                f"Rule id {rule.id!r} stands twice.", where=source.place(("rules", index)), mend="Rename one of them."
            )
        seen.add(rule.id)
