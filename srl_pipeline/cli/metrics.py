"""``srl-pipeline metrics``: the state of the installation for Prometheus, printed, written or served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def metrics(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Serve them until ended, e.g. 127.0.0.1:9464.")] = "",
    to: Annotated[
        Path | None, typer.Option(help="Write them to this file, for node_exporter's textfile folder.")
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Environment variable of the token; any but a loopback address to --listen on needs one.",
        ),
    ] = None,
) -> None:
    """Print the Prometheus metrics of the installation: quality, latency, decisions, money, weaknesses."""
    from srl_pipeline.config import home
    from srl_pipeline.dashboard import gather
    from srl_pipeline.dashboard.prometheus import exposition
    from srl_pipeline.registry.artifacts import write_durably

    if listen:
        _serve(listen, token_env)
    elif to:
        write_durably(to, exposition(gather(home())))
    else:
        print(exposition(gather(home())), end="")


def _serve(listen: str, token_env: str | None) -> None:
    from srl_pipeline.cli.signals import heed_termination
    from srl_pipeline.config import home
    from srl_pipeline.dashboard.exporter import exporter
    from srl_pipeline.dashboard.prometheus import registry_of
    from srl_pipeline.errors import PipelineError
    from srl_pipeline.serving.server import read_token

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise PipelineError(f"{listen!r} is no address.", where="--listen", mend="Write HOST:PORT: 127.0.0.1:9464.")
    token = read_token(host, token_env)
    heed_termination()
    try:
        server = exporter(registry_of(home()), host, int(port), token)
    except OSError as error:
        raise PipelineError(
            f"{listen} cannot be listened on: {error.strerror}.", where="--listen", mend="Choose another port."
        ) from error
    print(f"Metrics at http://{host}:{server.server_port}/metrics", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
