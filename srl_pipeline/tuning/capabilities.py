"""What each vendor's tuning takes: a dated table, `capabilities.yaml`, and what follows from it.

Vendors change this within weeks. The table refuses what is known to be gone, warns of what is about to go, and says
plainly where nothing is known. ``SRL_TUNING_CAPABILITIES`` names a file of the same form, whose entries come first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from pydantic import Field, model_validator

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PackError, TuningError
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import read_yaml
from srl_pipeline.teachers.catalog import MAX_AGE_DAYS
from srl_pipeline.tuning.pricing import CHARACTERS_A_TOKEN
from srl_pipeline.tuning.records import Method, TuningExample
from srl_pipeline.tuning.spec import ProviderName

VARIABLE = "SRL_TUNING_CAPABILITIES"
SHIPPED = Path(__file__).with_name("capabilities.yaml")
FALLBACK = "method prompt works with every provider"
ENDS_SOON_DAYS = 180
"""Days before a model's end from which that is told."""
SHOWN = 5
"""Examples named in an error."""
Status: TypeAlias = Literal["open", "closing", "retired", "not_offered", "unknown"]


class Capability(Record):
    """What a vendor says of one way to tune some models. A limit of None is unknown, and not checked."""

    providers: list[ProviderName] = Field(min_length=1)
    methods: list[Method] = Field(min_length=1)
    models: list[str] = Field(default=["*"], min_length=1, description="Shell patterns of the vendor's names.")
    endpoints: list[str] = Field(
        min_length=1, description="Shell patterns of the tuning API's address; '': none is given, the vendor's own."
    )
    status: Status
    day: date | None = Field(
        default=None,
        alias="date",
        description="closing: the last day on which a job may begin; retired: since when.",
    )
    whom: str = Field(default="", description="closing: for whom it is closed already.")
    ends: date | None = Field(
        default=None, description="When the model, and what was tuned from it, stops to answer; None: not announced."
    )
    least_examples: int | None = Field(default=None, ge=1, description="To train on.")
    most_examples: int | None = Field(default=None, ge=1, description="To train on.")
    most_validation_examples: int | None = Field(default=None, ge=1)
    most_tokens: int | None = Field(default=None, ge=1, description="Of one example, prompt and answer together.")
    most_bytes: int | None = Field(default=None, ge=1, description="Of one file.")
    most_epochs: int | None = Field(default=None, ge=1)
    source: str = Field(min_length=1, description="Pages that were read.")
    as_of: date = Field(description="When they were read.")
    alternative: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _dated(self) -> Capability:
        if self.status in ("closing", "retired") and self.day is None:
            raise ValueError(f"'date' is missing: {self.status} needs the day")
        return self

    def fits(self, provider: str, model: str, method: str, endpoint: str) -> bool:
        """Whether it speaks of that."""
        return (
            provider in self.providers
            and method in self.methods
            and any(fnmatchcase(model, pattern) for pattern in self.models)
            and any(fnmatchcase(endpoint, pattern) for pattern in self.endpoints)
        )


class CapabilitiesFile(Record):
    """The whole file."""

    version: Literal[1]
    entries: list[Capability]


def capability(provider: ProviderName, model: str, method: Method, endpoint: str | None = None) -> Capability:
    """What is known; where that is nothing, the status is ``unknown`` and every limit None.

    ``endpoint`` is the tuning API's address, None the vendor's own. Raises TuningError for a file that cannot be used.
    """
    for entry in _entries():
        if entry.fits(provider, model, method, endpoint or ""):
            return entry
    return Capability(
        providers=[provider],
        methods=[method],
        models=[model],
        endpoints=[endpoint or ""],
        status="unknown",
        source="no entry of the table speaks of it",
        as_of=date.max,
    )


def check_capability(
    provider: ProviderName, model: str, method: Method, today: date, endpoint: str | None = None
) -> list[str]:
    """Warnings, one sentence each; raises TuningError for what is retired, closed or not offered."""
    found = capability(provider, model, method, endpoint)
    what = f"{provider}: {method} tuning of {model}"
    if found.status == "unknown" and not found.note:
        at = f" at {endpoint}" if endpoint else ""
        return [f"{what}{at}: nothing is known of it, so the vendor's limits are not checked."]
    if found.status == "not_offered":
        raise _refusal(f"{what} is not offered.", found)
    if found.status == "retired" and found.day and today >= found.day:
        raise _refusal(f"{what}: the model is retired since {found.day}.", found)
    if found.status == "closing" and found.day and today > found.day:
        raise _refusal(f"{what}: no new job is taken since {found.day}.", found)
    if found.ends and today >= found.ends:
        raise _refusal(f"{what}: the model stopped to answer on {found.ends}.", found)
    return [f"{what}: {text}" for text in _warnings(found, today)]


def _warnings(found: Capability, today: date) -> list[str]:
    told = [f"{found.note}."] if found.note else []
    if found.status == "closing" and found.day:
        whom = f"; {found.whom}" if found.whom else ""
        told.append(f"no new job is taken after {found.day}, in {(found.day - today).days} days{whom}.")
    if found.status == "retired" and found.day:
        told.append(f"the model retires on {found.day}. Instead: {found.alternative or FALLBACK}.")
    if found.ends and (left := (found.ends - today).days) <= ENDS_SOON_DAYS:
        told.append(f"what is tuned stops to answer on {found.ends}, in {left} days, with the model it is tuned from.")
    if (age := (today - found.as_of).days) > MAX_AGE_DAYS:
        told.append(f"what is known was looked up {age} days ago ({found.as_of}); read {found.source} again.")
    return told


def _refusal(what: str, found: Capability) -> TuningError:
    instead = f"Use {found.alternative}; {FALLBACK}." if found.alternative else f"{FALLBACK[0].upper()}{FALLBACK[1:]}."
    return TuningError(
        f"{what} Note: {found.note}." if found.note else what,
        where=f"table of {found.as_of}, by {found.source}",
        mend=f"{instead} If the vendor says otherwise now, name a table of your own in {VARIABLE}.",
    )


def check_examples(examples: Sequence[TuningExample], capability: Capability, spec_epochs: int) -> None:
    """Raise TuningError with every breach of a known limit, and for a data set without one of its sides."""
    train = [e for e in examples if e.split == "train"]
    validation = [e for e in examples if e.split == "validation"]
    wrong: list[str] = []
    least = capability.least_examples or 1
    if len(train) < least:
        wrong.append(f"{len(train)} examples to train on, of at least {least}.")
    if not validation:
        wrong.append("No example to validate on.")
    for name, side, most in (
        ("train", train, capability.most_examples),
        ("validate", validation, capability.most_validation_examples),
    ):
        if most is not None and len(side) > most:
            wrong.append(f"{len(side):,} examples to {name} on, of at most {most:,}.")
    if capability.most_epochs is not None and spec_epochs > capability.most_epochs:
        wrong.append(f"{spec_epochs} epochs, of at most {capability.most_epochs}.")
    wrong += _too_long(examples, capability.most_tokens)
    wrong += _too_large(train, validation, capability.most_bytes)
    if wrong:
        raise TuningError(
            "The data set is not what the vendor takes: " + " ".join(wrong),
            where=f"asset tuning_dataset; limits by {capability.source}",
            mend="Generate more or fewer scenarios (generation.scenarios), shorten lore (lore.budget_tokens) or change "
            "the tuner; card.json of the data set has its figures.",
        )


def _too_long(examples: Sequence[TuningExample], most: int | None) -> list[str]:
    if most is None:
        return []
    long = [(e.id, tokens) for e in examples if (tokens := likely_tokens(e)) > most]
    told = [f"Example {name} has about {tokens:,} tokens, of at most {most:,}." for name, tokens in long[:SHOWN]]
    return told + ([f"So have {len(long) - SHOWN} more examples."] if len(long) > SHOWN else [])


def _too_large(train: Sequence[TuningExample], validation: Sequence[TuningExample], most: int | None) -> list[str]:
    if most is None:
        return []
    sizes = {"train": _octets(train), "validation": _octets(validation)}
    return [f"The {s} file has {n:,} bytes of text, of at most {most:,}." for s, n in sizes.items() if n > most]


def likely_tokens(example: TuningExample) -> int:
    """Of prompt and the longer of its answers."""
    return sum(len(text) for text in _texts(example)) // CHARACTERS_A_TOKEN


def _octets(examples: Sequence[TuningExample]) -> int:
    return sum(len(text.encode()) for example in examples for text in _texts(example))


def _texts(example: TuningExample) -> list[str]:
    answer = max(example.answer, example.rejected or "", key=len)
    return [example.system, *(m.content for m in example.messages), answer]


def _entries() -> list[Capability]:
    own = os.environ.get(VARIABLE)
    return [*(_read(Path(own).absolute()) if own else []), *_shipped()]


@lru_cache(maxsize=1)
def _shipped() -> tuple[Capability, ...]:
    return tuple(_read(SHIPPED))


def _read(path: Path) -> list[Capability]:
    try:
        file: CapabilitiesFile = validate(cast("Any", CapabilitiesFile), read_yaml(path))
    except PackError as error:
        raise TuningError(
            error.what, where=error.where, mend=f"The form is that of {SHIPPED.name}, which ships with the program."
        ) from error
    return file.entries
