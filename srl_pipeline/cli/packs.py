"""``srl-pipeline packs``: check, freeze and create packs; `pack_stats` measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from srl_pipeline.cli import pack_stats
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from srl_pipeline.generation.pack_figures.pack_check import Figure

app = typer.Typer(help="Model types as folders.", no_args_is_help=True)
app.command("stats")(pack_stats.stats)
Name = Annotated[str, typer.Argument(help="Model type.")]


Into = Annotated[
    Path | None, typer.Option("--into", help="Folder of packs. [default: first of SRL_PACKS, else the built-in one]")
]


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="Model type; all when left out.")] = None, json: JsonFlag = False
) -> None:
    """Prove that packs are what docs/packs.md demands, and print the figures. Exit 1 when one is not."""
    from srl_pipeline.generation.pack_figures.pack_check import check_pack
    from srl_pipeline.model_types import load_pack, scan_packs

    found, wrong = scan_packs()
    bad = False
    results: dict[str, object] = {}
    checked: dict[str, Sequence[Figure]] = {}
    for pack_name in [name] if name else sorted({*found, *wrong}):
        try:
            figures = check_pack(load_pack(pack_name))
        except PipelineError as error:
            bad = True
            checked[pack_name] = []
            results[pack_name] = {"error": error.what, "where": error.where, "mend": error.mend}
            if not json:
                console.print(f"[red]{escape(pack_name)}[/red]: {escape(str(error))}", highlight=False, soft_wrap=True)
            continue
        bad |= not all(f.met for f in figures)
        checked[pack_name] = figures
        results[pack_name] = {f.name: {"value": f.value, "demand": f.demand, "met": f.met} for f in figures}
        if not json:
            _show(pack_name, figures)
    if json:
        print_json(results)
    elif name is None:
        _summarise(checked)
    raise typer.Exit(1 if bad else 0)


def _show(pack_name: str, figures: Sequence[Figure]) -> None:
    rows = [(f.name, f.value, f.demand, "yes" if f.met else "NO") for f in figures]
    print_table(f"Pack {pack_name}", ("figure", "value", "demand", "met"), rows)
    for figure in figures:
        if figure.note:
            console.print(figure.note, highlight=False, markup=False, soft_wrap=True)


SUMMARY = {
    "scenarios": ("valid scenarios", "{:,.0f}"),
    "lore": ("lore documents", "{:.0f}"),
    "rules": ("rules", "{:.0f}"),
    "gold": ("gold examples", "{:.0f}"),
    "counter": ("counter-examples", "{:.0f}"),
    "eval": ("evaluation scenarios", "{:.0f}"),
    "random pass": ("random artefacts that pass all hard rules", "{:.2%}"),
    "expert solved": ("scenarios that the expert solves", "{:.0%}"),
    "solutions/s": ("expert solutions a second", "{:,.0f}"),
}
"""Column of the summary -> the figure that it shows, and how."""


def _summarise(checked: Mapping[str, Sequence[Figure]]) -> None:
    """All packs in one table; a pack without figures is one that could not be checked."""
    rows: list[list[str]] = []
    for pack_name, figures in checked.items():
        values = {f.name: f.value for f in figures}
        shown = [form.format(values[figure]) if figure in values else "–" for figure, form in SUMMARY.values()]
        rows.append([pack_name, *shown, "error" if not figures else "yes" if all(f.met for f in figures) else "NO"])
    print_table("All packs", ("pack", *SUMMARY, "all met"), rows, wide=True)


@app.command("list")
def names(json: JsonFlag = False) -> None:
    """Names of the packs that can be used, one a line."""
    from srl_pipeline.model_types import find_packs

    found = sorted(find_packs())
    if json:
        print_json(found)
    else:
        typer.echo("\n".join(found))


@app.command()
def new(name: Name, into: Into = None) -> None:
    """Write a small valid pack that runs through the chain as it is."""
    from srl_pipeline.model_types import find_packs, new_pack

    folder = new_pack(name, into)

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    say(f"Pack {name} is in {folder}. It runs as it is; now make it yours (docs/packs.md explains every line):")
    say("  pack.yaml        what is asked: axes, brief, steps and their fields")
    say("  lore/*.md        the knowledge; every fact in the front matter is also said in the prose")
    say("  rules.yaml       what an artefact must obey")
    say("  examples.yaml    gold, and a counter-example for every rule")
    say(f"  evaluation.yaml  held-out scenarios: delete it when axes change, then 'srl-pipeline packs freeze {name}'")
    say("")
    if name not in find_packs():
        say(f"export SRL_PACKS={folder.parent}   # this folder is not searched yet")
    say(f"srl-pipeline packs check {name}")
    say(f"srl-pipeline run {name} --preset smoke")


@app.command()
def freeze(name: Name, count: int = 200) -> None:
    """Choose the held-out scenarios of a pack once and for all and write evaluation.yaml."""
    import yaml

    from srl_pipeline.errors import PackError
    from srl_pipeline.generation.drawing import freeze_evaluation
    from srl_pipeline.model_types import load_pack, pack_folder
    from srl_pipeline.verification import ScenarioSpace

    file = pack_folder(name) / "evaluation.yaml"
    if file.exists():
        raise PackError(
            "The evaluation set is frozen already.",
            where=str(file),
            mend="Delete the file and raise 'version' if old results need not be comparable.",
        )
    chosen = freeze_evaluation(ScenarioSpace(load_pack(name)), count)
    plain = [{k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in axes.items()} for axes in chosen]
    lines = [yaml.safe_dump(axes, default_flow_style=True, width=500, sort_keys=False).strip() for axes in plain]
    head = "# Frozen held-out scenarios: training never sees them. Do not edit; see docs/packs.md.\n"
    head += "version: 1\nscenarios:\n"
    with file.open("x", encoding="utf-8") as handle:  # never through a link
        handle.write(head + "".join(f"  - {line}\n" for line in lines))
    console.print(f"{len(lines)} scenarios frozen in {file}")
