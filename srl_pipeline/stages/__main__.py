"""The training entry point, the same on every launcher: ``python -m srl_pipeline.stages [--request FILE]``.

FILE may be ``s3://bucket/key``. Without it the request comes in the extras of Dagster Pipes' context. Under Pipes
progress goes back as log messages. A request for
several processes starts the others itself; ``accelerate launch`` and ``torchrun`` work too. Environment:
``GOMP_SPINCOUNT=20000`` on shared machines; ``HF_HUB_OFFLINE=1``. Exit status: 0 done, 1 a PipelineError (printed),
143 asked to end (SIGTERM), anything else a crash.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import Any

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.child import ENTRY_POINT, die_with_parent
from srl_pipeline.training.interruption import listen


def main() -> int:
    """Run one request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--request", metavar="FILE", help="StageRequest as JSON: a file, or s3://bucket/key.")
    address = parser.parse_args().request
    die_with_parent()
    listen()
    if int(os.environ.get("RANK", "0")):
        return _run(None, None)
    from srl_pipeline.launchers.sagemaker.container import is_listened_to, open_pipes, read_request

    if address:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        if not is_listened_to():
            return _run(read_request(address), None)
    with open_pipes() as pipes:
        log = logging.getLogger("srl_pipeline")
        log.setLevel(logging.INFO)
        log.addHandler(_PipesHandler(pipes))
        asked = read_request(address) if address else StageRequest.model_validate(pipes.get_extra("request"))
        return _run(asked, pipes)


class _PipesHandler(logging.Handler):
    """Log records as Pipes messages, so that they appear in the run's event log as they happen."""

    def __init__(self, pipes: Any) -> None:
        super().__init__(logging.INFO)
        self._pipes = pipes

    def emit(self, record: logging.LogRecord) -> None:
        level = {logging.WARNING: "warning", logging.ERROR: "error"}.get(record.levelno, "info")
        getattr(self._pipes.log, level)(self.format(record))


def _run(request: StageRequest | None, pipes: Any) -> int:
    """Run what is asked for; a process that is not the first is told by the first."""
    from srl_pipeline.launchers.sagemaker.container import tell_failure
    from srl_pipeline.stages.run import run, run_beside
    from srl_pipeline.training.peers import join_peers, start_peers
    from srl_pipeline.training.quiet import quiet_libraries

    quiet_libraries()
    if request is None:
        run_beside(join_peers())
        return 0
    others = start_peers(int(request.config.get("processes", 1)), (sys.executable, *ENTRY_POINT))
    try:
        built = run(request, join_peers())
    except PipelineError as error:
        logging.getLogger("srl_pipeline").error("%s", error)
        print(f"error: {error}", file=sys.stderr)
        tell_failure(error)
        if pipes is not None:
            pipes.report_custom_message({"error": {"what": error.what, "where": error.where, "mend": error.mend}})
        for other in others:
            other.kill()
        return 1
    logging.getLogger("srl_pipeline").info("%s is at %s", request.stage, built.artifact.path)
    return max((other.wait() for other in others), default=0)


if __name__ == "__main__":
    sys.exit(main())
