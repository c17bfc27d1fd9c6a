"""``srl-pipeline packs stats``: the statistics page of packs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, console, print_json
from srl_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from srl_pipeline.contracts import Step
    from srl_pipeline.generation.pack_figures.pack_statistics import PackStatistics, Tokens


def stats(
    name: Annotated[str | None, typer.Argument(help="Model type; all when left out.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Markdown file to write; printed when left out.")] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Count tokens as the default student does, too: loads its tokenizer.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Measure packs for their designers: axes, coverage, difficulty, rules, guesses, expert, room of each field.

    Exit 1 when a pack cannot be measured; the others are.
    """
    from srl_pipeline.generation.pack_figures.pack_page import page
    from srl_pipeline.generation.pack_figures.pack_statistics import measure_pack
    from srl_pipeline.model_types import load_pack, scan_packs

    _check_writable(out)
    found, wrong = scan_packs()
    count = _student_tokens() if tokens else None
    measured: list[PackStatistics] = []
    errors: dict[str, PipelineError] = {}
    for pack_name in [name] if name else sorted({*found, *wrong}):
        try:
            measured.append(measure_pack(load_pack(pack_name), _interval, count))
        except PipelineError as error:
            errors[pack_name] = error
            continue
        if out:
            console.print(f"{pack_name}: measured in {measured[-1].timings.seconds:.1f} s", highlight=False)
    text = page(measured, {pack: str(error) for pack, error in errors.items()})
    if out:
        out.write_text(text, encoding="utf-8")
    if json:
        print_json(
            {p.name: asdict(p) for p in measured}
            | {n: {"error": e.what, "where": e.where, "mend": e.mend} for n, e in errors.items()}
        )
    elif out:
        for pack_name, error in errors.items():
            console.print(f"{pack_name}: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        console.print(f"Written to {out}", highlight=False, markup=False, soft_wrap=True)
    else:
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if errors else 0)


def _check_writable(out: Path | None) -> None:
    """Before minutes of measuring: refuse a place that cannot be written."""
    if out is None:
        return
    if out.is_dir():
        raise PipelineError(f"{out} is a folder.", where="--out", mend="Name a file, such as docs/pack-statistics.md.")
    if not out.absolute().parent.is_dir():
        raise PipelineError(
            f"There is no folder {out.absolute().parent}.", where="--out", mend="Make it, or name another."
        )


def _interval(hits: int, n: int) -> tuple[float | None, float | None]:
    from srl_pipeline.evaluation import wilson

    estimate = wilson(hits, n)
    return estimate.low, estimate.high


def _student_tokens() -> Tokens:
    """Counts the tokens of each step with the default student's tokenizer; monologues, which are optional, left out."""
    from transformers import AutoTokenizer

    from srl_pipeline.config import home
    from srl_pipeline.presets import embedded
    from srl_pipeline.training.environment.transcript import write
    from srl_pipeline.training.students.student import student_folder

    folder = student_folder(embedded(), home() / "students", [], [])
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)

    def count(steps: Sequence[Step]) -> list[int]:
        bare = [step.model_copy(update={"reasoning": ""}) for step in steps]
        texts = [write(bare[: i + 1]) for i in range(len(bare))]
        ends = [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)]

    return count
