"""``srl-pipeline packs``: check, freeze and create packs."""

from __future__ import annotations

from typing import Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.errors import PipelineError

app = typer.Typer(help="Model types as folders.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Model type.")]


@app.command()
def check(name: Annotated[str | None, typer.Argument(help="Model type; all when left out.")] = None, json: JsonFlag = False) -> None:
    """Prove that packs are what docs/packs.md demands, and print the figures. Exit 1 when one is not."""
    from srl_pipeline.generation.pack_check import check_pack
    from srl_pipeline.model_types import find_packs, load_pack

    bad = False
    results: dict[str, object] = {}
    for pack_name in [name] if name else find_packs():
        try:
            figures = check_pack(load_pack(pack_name))
        except PipelineError as error:
            bad = True
            results[pack_name] = {"error": error.what, "where": error.where, "mend": error.mend}
            if not json:
                console.print(f"[red]{pack_name}[/red]: {error}", highlight=False)
            continue
        bad |= not all(f.met for f in figures)
        results[pack_name] = {f.name: {"value": f.value, "demand": f.demand, "met": f.met} for f in figures}
        if not json:
            rows = [(f.name, f.value, f.demand, "yes" if f.met else "NO") for f in figures]
            print_table(f"Pack {pack_name}", ("figure", "value", "demand", "met"), rows)
    if json:
        print_json(results)
    raise typer.Exit(1 if bad else 0)


@app.command()
def freeze(name: Name, count: int = 200) -> None:
    """Choose the held-out scenarios of a pack once and for all and write evaluation.yaml."""
    import yaml

    from srl_pipeline.errors import PackError
    from srl_pipeline.generation.sampling import freeze_evaluation
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
    head = "# Frozen held-out scenarios: training never sees them. Do not edit; see docs/packs.md.\nversion: 1\nscenarios:\n"
    file.write_text(head + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
    console.print(f"{len(lines)} scenarios frozen in {file}")
