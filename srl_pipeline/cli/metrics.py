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
) -> None:
    """Print the Prometheus metrics of the installation: quality, latency, decisions, money, weaknesses."""
    from srl_pipeline.config import home
    from srl_pipeline.dashboard import gather
    from srl_pipeline.dashboard.prometheus import exposition
    from srl_pipeline.registry.artifacts import write_durably

    if listen:
        _serve(listen)
    elif to:
        write_durably(to, exposition(gather(home())))
    else:
        print(exposition(gather(home())), end="")


def _serve(listen: str) -> None:
    from prometheus_client import start_http_server

    from srl_pipeline.cli.signals import heed_termination
    from srl_pipeline.config import home
    from srl_pipeline.dashboard.prometheus import registry_of
    from srl_pipeline.errors import PipelineError

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise PipelineError(f"{listen!r} is no address.", where="--listen", mend="Write HOST:PORT: 127.0.0.1:9464.")
    heed_termination()
    try:
        server, thread = start_http_server(int(port), addr=host, registry=registry_of(home()))
    except OSError as error:
        raise PipelineError(
            f"{listen} cannot be listened on: {error.strerror}.", where="--listen", mend="Choose another port."
        ) from error
    print(f"Metrics at http://{host}:{server.server_port}/metrics", flush=True)
    try:
        thread.join()
    except KeyboardInterrupt:
        server.shutdown()
