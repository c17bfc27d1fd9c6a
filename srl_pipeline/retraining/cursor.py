"""The memory of the registry sensor between its ticks, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError

from srl_pipeline.canonical import dumps
from srl_pipeline.errors import PipelineError
from srl_pipeline.retraining.records import Seen


def read_cursor(cursor: str | None) -> dict[str, Seen]:
    """The cursor's entries by model type; raises PipelineError for text that is no cursor."""
    try:
        return {name: Seen.model_validate(entry) for name, entry in (json.loads(cursor) if cursor else {}).items()}
    except (ValueError, AttributeError, ValidationError) as error:
        raise PipelineError(
            f"The cursor is not readable: {error}",
            where="sensor registry_sensor",
            mend="Clear the cursor on the sensor's page; the next tick records the current versions.",
        ) from error


def write_cursor(seen: Mapping[str, Seen]) -> str:
    """The text that `read_cursor` reads."""
    return dumps({name: entry.model_dump(mode="json") for name, entry in seen.items()})
