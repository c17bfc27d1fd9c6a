"""Asks models and keeps what became of it, for live requests and shadows alike."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from srl_pipeline.errors import PipelineError
from srl_pipeline.serving.errors import ModelFailed, Unanswerable
from srl_pipeline.serving.journal import Journal, LiveRequest
from srl_pipeline.serving.metrics import Counters
from srl_pipeline.serving.models import Models
from srl_pipeline.serving.questions import Answer, Heard, Question

if TYPE_CHECKING:
    from srl_pipeline.serving.answering import ServedModel

log = logging.getLogger("srl_pipeline")


class Recorder:
    """Journal and counters together; ``news`` is called for every row."""

    def __init__(self, journal: Journal, counters: Counters, models: Models, news: Callable[[], None]) -> None:
        self._journal, self._counters, self._models, self._news = journal, counters, models, news

    def ask(self, model: ServedModel, question: Question, heard: Heard) -> Answer:
        """The model's answer; raises Unanswerable as it is, and ModelFailed for whatever else it raises."""
        try:
            return model.ask(question, heard)
        except Unanswerable:
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            # The error's text may quote the request, so it stays out of the log.
            log.error("a model failed while it answered: %s at %s:%s", type(error).__name__, last.filename, last.lineno)
            raise ModelFailed(type(error).__name__, model.version) from error

    def record(self, row: LiveRequest) -> LiveRequest:
        """Keep a row; a journal that cannot be written is told by /healthz, and answers go on."""
        self._counters.request(row)
        try:
            kept = row.model_copy(update={"id": self._journal.append(row)})
        except PipelineError as error:
            self.problem("journal", error.what)
            return row
        self._models.problems.pop("journal", None)
        self._news()
        return kept

    def problem(self, name: str, text: str) -> None:
        """Tell of a problem, in the log and by /healthz."""
        log.error("serving: %s: %s", name, text)
        self._models.problems[name] = text
