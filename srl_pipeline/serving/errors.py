"""What can go wrong between a request and its answer."""

from __future__ import annotations

from srl_pipeline.errors import PipelineError


class ServingError(PipelineError):
    """A server that cannot begin, or an alias that cannot be followed."""


class Unanswerable(PipelineError):
    """A request that no model could answer as it is: the client's to mend.

    Args:
        param: Field of the request that it is about.
        code: Short name for programs.
    """

    def __init__(self, what: str, *, where: str, mend: str, param: str | None, code: str) -> None:
        super().__init__(what, where=where, mend=mend)
        self.param = param
        self.code = code


class Busy(PipelineError):
    """Too many requests wait already."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} requests wait already.", where="serving.queue", mend="Ask again a little later.")


class ModelFailed(PipelineError):
    """The model raised while it answered; ``kind`` is the name of what it raised. Its text stays with the cause."""

    def __init__(self, kind: str, version: str) -> None:
        super().__init__(
            f"The model failed while it answered ({kind}).",
            where=f"registered_model {version}",
            mend="Ask again; the server's log says where it happened.",
        )
        self.kind = kind
