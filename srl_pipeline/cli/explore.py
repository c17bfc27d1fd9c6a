"""``srl-pipeline lore search`` and ``srl-pipeline teach``: look at what Model A finds and what B and C make of it."""

from __future__ import annotations

from typing import Annotated

import typer

from srl_pipeline.cli.arguments import Settings, parse_settings
from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.config import home, settings_of_installation

lore_app = typer.Typer(help="Model A, the lore retriever.", no_args_is_help=True)
TypeName = Annotated[str, typer.Argument(help="Model type.", metavar="TYPE")]


@lore_app.command()
def search(model_type: TypeName, query: str, k: int = 5, json: JsonFlag = False) -> None:
    """Search a model type's lore: vector and full-text, fused by reciprocal rank."""
    from srl_pipeline.lore import LoreRetriever, build_lore_index, index_folder
    from srl_pipeline.model_types import load_pack
    from srl_pipeline.presets import pack_config
    from srl_pipeline.registry.places import open_store

    pack = load_pack(model_type)
    config = pack_config("embedded", pack.spec.training).lore
    built = build_lore_index(open_store(home()), pack, config)
    found = LoreRetriever(index_folder(built.artifact), config).search(query, k)
    if json:
        print_json([c.model_dump() for c in found])
        return
    if not found:
        console.print("Nothing relevant was found.")
        return
    print_table(
        f"Lore of {model_type}", ("document", "score", "passage"), [(c.document_id, c.score, c.text) for c in found]
    )


def teach(
    model_type: TypeName,
    n: Annotated[int, typer.Option("--n", min=1, max=1000, help="Trajectories to make.")] = 3,
    seed: Annotated[int, typer.Option(help="Other seeds draw other scenarios.")] = 1,
    settings: Settings = None,
    json: JsonFlag = False,
) -> None:
    """Make N trajectories and print them with Model C's verdicts; they are not kept.

    A paid teacher is paid: --set budget.month_usd=… allows it, and the calls are kept, so the same command is free.
    """
    from srl_pipeline.config import GenerationConfig
    from srl_pipeline.contracts import Trajectory
    from srl_pipeline.generation.dialogue import solve
    from srl_pipeline.generation.drawing import Drawing
    from srl_pipeline.generation.teaching import teaching
    from srl_pipeline.lore import LoreRetriever, build_lore_index, index_folder
    from srl_pipeline.model_types import load_pack
    from srl_pipeline.presets import pack_config
    from srl_pipeline.registry import decided_settings
    from srl_pipeline.registry.places import open_store
    from srl_pipeline.teachers import responsible_teacher, teacher_ref
    from srl_pipeline.training.environment.transcript import write
    from srl_pipeline.verification import ScenarioSpace, Verifier

    pack = load_pack(model_type)
    # with the monologue, also where a preset leaves it out
    monologue = {"generation.reasoning_words": GenerationConfig().reasoning_words}
    decided = decided_settings(home(), model_type)
    said = settings_of_installation() | parse_settings(settings or [])
    config = pack_config("embedded", pack.spec.training | monologue | decided | said)
    ref = teacher_ref(responsible_teacher(config.generation.teacher, model_type))
    verifier = Verifier(pack)
    drawn = list(Drawing(ScenarioSpace(pack), seed, n, config.generation))
    built = build_lore_index(open_store(home()), pack, config.lore)
    bundles = LoreRetriever(index_folder(built.artifact), config.lore).bundles([d.scenario for d in drawn])
    rows = []
    with teaching(ref, verifier, config, home(), run=f"teach:{model_type}") as taught:
        for (scenario, novelty), bundle in zip(((d.scenario, d.novelty) for d in drawn), bundles, strict=True):
            found = solve(
                taught.teacher,
                verifier,
                scenario,
                bundle,
                variant=0,
                max_revisions=config.generation.max_revisions,
                reasoning_words=config.generation.reasoning_words,
                generation=1,
                novelty=novelty,
            )
            if not isinstance(found, Trajectory):
                told = f"{scenario.brief}\n  given up: {found}"
                console.print(told, highlight=False, markup=False) if not json else typer.echo(told, err=True)
                continue
            verdict = verifier.verify(scenario, [s.action for s in found.steps])
            rows.append({"trajectory": found.model_dump(mode="json"), "verdict": verdict.model_dump(mode="json")})
            if json:
                continue
            console.rule(scenario.brief)
            console.print(f"lore: {', '.join(dict.fromkeys(c.document_id for c in bundle.citations))}", highlight=False)
            console.print(write(found.steps), highlight=False, markup=False)
            console.print(
                f"verdict: {'correct' if verdict.correct else 'wrong'}, reward {verdict.outcome_reward:.2f}, "
                f"violations: {', '.join(v.rule_id for v in verdict.violations) or 'none'}",
                highlight=False,
            )
        if taught.asker and not json:
            console.print(
                f"teacher {ref.name}: ${taught.spent_usd:.4f} spent by 'teach {model_type}' so far", highlight=False
            )
    if json:
        print_json(rows)
