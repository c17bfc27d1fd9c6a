"""A pack: load it, refuse what is wrong with file and line, hash it.

`PackDefinition` (everything but the lore) is what the `rule_set` asset pins; the lore is pinned by `lore_index`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import Field

from srl_pipeline.canonical import digest
from srl_pipeline.errors import PackError
from srl_pipeline.model_types.documents import LoreDocument, read_document
from srl_pipeline.model_types.finding import pack_folder
from srl_pipeline.model_types.plugins import GROUPS, TASK, Kind, plugin_version
from srl_pipeline.model_types.spec import Evaluation, Examples, PackSpec, Rules, Spec
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import YamlSource, read_yaml

FILES = ("pack", "rules", "examples", "evaluation")
LISTS = {"constraint": "pack", "rule": "rules", "gold": "examples", "counter": "examples"}
"""Kind of thing with an id -> the file that lists it."""


class PackDefinition(Spec):
    """pack.yaml, rules.yaml, examples.yaml and evaluation.yaml of one model type."""

    name: str
    spec: PackSpec
    rules: Rules
    examples: Examples
    evaluation: Evaluation
    plugins: dict[Kind, str] = Field(default_factory=dict, description="Kind -> version of the plug-in that it names.")

    @cached_property
    def version(self) -> str:
        """Content hash: comments, order of keys and white space do not count."""
        return digest(self.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True)
class Pack:
    """A model type: its definition and its lore."""

    definition: PackDefinition
    documents: dict[str, LoreDocument]
    places: dict[tuple[str, ...], str] = field(default_factory=dict, compare=False)
    """Where things stand, as file:line, if read from files: ``("rule", "stone-is-local", "assert")``."""

    def place(self, *thing: str) -> str:
        """Where a thing stands; of a pinned pack, what it is called."""
        for end in range(len(thing), 0, -1):
            if found := self.places.get(thing[:end]):
                return found
        return f"pack {self.name}, {' '.join(thing)}"

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


def load_pack(name: str) -> Pack:
    """Load one pack by name."""
    return read_pack(pack_folder(name))


def read_pack(folder: Path) -> Pack:
    """Read a pack from its folder and check everything that needs no rule to be run."""
    needed = [stem for stem in FILES if stem != "evaluation" or os.path.lexists(folder / "evaluation.yaml")]
    sources = {stem: read_yaml(folder / f"{stem}.yaml") for stem in needed}
    spec = validate(PackSpec, sources["pack"])
    definition = PackDefinition(
        name=folder.name,
        spec=spec,
        rules=validate(Rules, sources["rules"]),
        examples=validate(Examples, sources["examples"]),
        evaluation=validate(Evaluation, sources["evaluation"])
        if "evaluation" in sources
        else Evaluation(version=1, scenarios=[]),
        plugins=_plugin_versions(spec, sources["pack"]),
    )
    _check_steps(definition.spec, sources["pack"])
    documents = _read_documents(folder / "lore")
    _check_axes(definition.spec, documents, sources["pack"])
    return Pack(definition, documents, _places(definition, sources))


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


def _plugin_versions(spec: PackSpec, source: YamlSource) -> dict[Kind, str]:
    found: dict[Kind, str] = {}
    for kind in GROUPS:
        if name := getattr(spec.plugins, kind):
            found[kind] = plugin_version(kind, name, where=source.place(("plugins", kind)))
    return found


def _check_steps(spec: PackSpec, source: YamlSource) -> None:
    """A field belongs to one step; steps are told apart by id and by title."""
    fields: dict[str, str] = {}
    named: dict[tuple[str, str], str] = {}
    for index, step in enumerate(spec.steps):
        for name in step.fields:
            if (other := fields.setdefault(name, step.id)) != step.id:
                raise PackError(
                    f"Field {name!r} stands in steps {other!r} and {step.id!r}.",
                    where=source.place(("steps", index, "fields", name)),
                    mend="Rename one of them: the artefact is the union of the steps' fields.",
                )
        for kind, value in (("id", step.id), ("title", step.title)):
            here = source.place(("steps", index, kind))
            if (first := named.setdefault((kind, value), here)) != here:
                raise PackError(
                    f"Step {kind} {value!r} stands twice; first at {first}.", where=here, mend="Rename one of them."
                )


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
    if spec.plugins.tasks and TASK in spec.axes:
        raise PackError(
            f"An axis is called {TASK!r}, which is what the task source's facts are called.",
            where=source.place(("axes", TASK)),
            mend="Rename the axis.",
        )
    known = {*spec.axes, *([TASK] if spec.plugins.tasks else [])}
    for name in re.findall(r"\{(\w+)\}", spec.brief):
        if name not in known:
            raise PackError(
                f"The brief names {{{name}}}, which is no axis.", where=source.place(("brief",)), mend="Name an axis."
            )


def _places(definition: PackDefinition, sources: dict[str, YamlSource]) -> dict[tuple[str, ...], str]:
    """Where everything stands; refuses an id that stands twice in its list."""
    places: dict[tuple[str, ...], str] = {(key,): sources["pack"].place((key,)) for key in ("difficulty", "plugins")}
    for kind, ids in _ids(definition).items():
        source, key = sources[LISTS[kind]], {"constraint": "constraints", "rule": "rules"}.get(kind, kind)
        for index, name in enumerate(ids):
            here = source.place((key, index))
            if (first := places.setdefault((kind, name), here)) != here:
                raise PackError(
                    f"The {kind} id {name!r} stands twice; first at {first}.", where=here, mend="Rename one of them."
                )
            for part in ("assert", "when", "message", "because"):
                places[kind, name, part] = source.place((key, index, part))
    for index in range(len(definition.evaluation.scenarios)):
        places["evaluation", str(index)] = sources["evaluation"].place(("scenarios", index))
    return places


def _ids(definition: PackDefinition) -> dict[str, Iterable[str]]:
    return {
        "constraint": [c.id for c in definition.spec.constraints],
        "rule": [r.id for r in definition.rules.rules],
        "gold": [g.id for g in definition.examples.gold],
        "counter": [c.id for c in definition.examples.counter],
    }
