"""Arguments that several commands take."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from srl_pipeline.errors import PipelineError

Type = Annotated[str, typer.Argument(metavar="TYPE", help="Model type.")]
Preset = Annotated[str, typer.Option(help="smoke, embedded or gpu. [default: SRL_PRESET, else embedded]")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override a setting; may be repeated.")
]


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """``["srl.steps=3"]`` -> ``{"srl.steps": 3}``; values are YAML, so numbers and lists are what they look like."""
    import yaml

    values: dict[str, Any] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or not name:
            raise PipelineError(
                f"{setting!r} is no setting.", where="--set", mend="Write --set name=value, e.g. srl.steps=30."
            )
        try:
            values[name.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise PipelineError(
                f"{text!r} is no value.", where=f"--set {name}", mend="Quote it, or mend it."
            ) from error
    return values
