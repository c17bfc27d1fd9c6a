"""``srl-pipeline serve``: a registered model behind an OpenAI-compatible endpoint, with a shadow beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.output import console

if TYPE_CHECKING:
    from srl_pipeline.config import PipelineConfig
    from srl_pipeline.registry import Alias, ArtifactStore, Decisions

AliasName = Literal["candidate", "current", "previous"]


def serve(
    model_type: Type,
    host: Annotated[str, typer.Option(help="Any but a loopback address needs --token-env.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    alias: Annotated[AliasName, typer.Option(help="Which model answers.")] = "current",
    shadow: Annotated[
        Literal["candidate", "previous", "none"], typer.Option(help="Which one is asked the same in the background.")
    ] = "none",
    token_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Environment variable of the token that clients must send.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Prove that plain peft and transformers load the model, and end.")
    ] = False,
    preset: Preset = "",
    settings: Settings = None,
) -> None:
    """Serve a model for trying and for shadow tests.

    With --shadow, alarms act: errors or worse answers take `current` back to `previous`, or refuse the candidate. The
    server follows its alias without a restart.
    """
    from srl_pipeline.config import home
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.registry.places import open_decisions
    from srl_pipeline.serving.errors import ServingError

    if shadow == alias:
        raise ServingError("The shadow is the model itself.", where="--shadow", mend="Name another, or none.")
    pipeline = PipelineResource(preset=preset, overrides=parse_settings(settings or []), home=str(home()))
    config, store = pipeline.config(model_type), pipeline.store()
    decisions = open_decisions(home())
    try:
        if check:
            _check(store, decisions, model_type, alias)
        else:
            other = None if shadow == "none" else shadow
            _serve(store, decisions, model_type, alias, other, config, host, port, token_env)
    finally:
        decisions.close()


def _check(store: ArtifactStore, decisions: Decisions, model_type: str, alias: Alias) -> None:
    from srl_pipeline.serving.errors import ServingError
    from srl_pipeline.serving.loading import ASSET, check_loads, lineage

    version = decisions.aliases(model_type).get(alias)
    if version is None:
        raise ServingError(f"No model of {model_type} is {alias}.", where="aliases", mend="Check another alias.")
    registered = store.require(ASSET, model_type, version)
    gap = check_loads(registered.path, lineage(store, registered).student_path)
    said = f"{model_type} {version}: plain peft and transformers load it; the largest logit gap is {gap:.2g}"
    console.print(said, highlight=False, soft_wrap=True)


def _serve(
    store: ArtifactStore,
    decisions: Decisions,
    model_type: str,
    alias: Alias,
    shadow: Alias | None,
    config: PipelineConfig,
    host: str,
    port: int,
    token_env: str | None,
) -> None:
    from srl_pipeline.cli.signals import heed_termination
    from srl_pipeline.config import home
    from srl_pipeline.serving.loading import load_model
    from srl_pipeline.serving.server import Server, read_token
    from srl_pipeline.serving.service import Service
    from srl_pipeline.serving.watch import registry_actions

    token = read_token(host, token_env)
    heed_termination()
    service = Service(
        home(),
        decisions,
        model_type,
        alias=alias,
        shadow=shadow,
        config=config.serving,
        load=lambda version: load_model(store, model_type, version, config.serving, config.device),
        actions=registry_actions(store, decisions, model_type),
    )
    try:
        server = Server(service, host, port, token)
        beside = f", shadow: {shadow} {service.models.shadow.version}" if service.models.shadow else ""
        said = f"{model_type}: {alias} {service.models.live.version} at {server.url}{beside}"
        console.print(said, highlight=False, soft_wrap=True)
        server.run()
    finally:
        service.close()
