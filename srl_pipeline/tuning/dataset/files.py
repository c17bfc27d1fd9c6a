"""The files of a data set."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from srl_pipeline.canonical import dumps, pretty
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.tuning.dataset.page import dataset_page
from srl_pipeline.tuning.dataset.records import DatasetCard
from srl_pipeline.tuning.records import TuningExample

EXAMPLES, CARD, PAGE = "examples.jsonl", "card.json", "card.md"
_MEND = "Materialize tuning_dataset again; it costs nothing."


def example_line(example: TuningExample) -> str:
    """Canonical JSON on one line."""
    return dumps(example.model_dump(mode="json")) + "\n"


def write_dataset(folder: Path, lines: list[str], card: DatasetCard) -> None:
    """Leave examples and card in an artifact that is being made."""
    write_durably(folder / EXAMPLES, "".join(lines))
    write_durably(folder / CARD, pretty(card.model_dump(mode="json")))
    write_durably(folder / PAGE, dataset_page(card))


def read_examples(folder: Path) -> list[TuningExample]:
    """The examples of a committed artifact; raises ArtifactError for a file that this version cannot read."""
    file = folder / EXAMPLES
    try:
        # By newline alone: other characters that end a line for Python stand as they are in JSON text.
        lines = file.read_text(encoding="utf-8").split("\n")
        return [TuningExample.model_validate_json(line) for line in lines if line]
    except (FileNotFoundError, ValidationError) as error:
        raise ArtifactError("The examples cannot be read.", where=str(file), mend=_MEND) from error


def read_card(folder: Path) -> DatasetCard:
    """The card of a committed artifact; raises ArtifactError for one that this version cannot read."""
    file = folder / CARD
    try:
        return DatasetCard.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise ArtifactError("There is no card that can be read.", where=str(file), mend=_MEND) from error
