"""The service behind the endpoint: live requests in a lane, shadows behind them, a watch over both."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from srl_pipeline.canonical import dumps
from srl_pipeline.clock import StopWatch, now_iso
from srl_pipeline.config import ServingConfig
from srl_pipeline.registry.decisions import Alias, Decisions
from srl_pipeline.serving.errors import Busy, ModelFailed
from srl_pipeline.serving.journal import CLIENT_LEFT, Journal, LiveRequest
from srl_pipeline.serving.lane import Lane
from srl_pipeline.serving.metrics import Counters
from srl_pipeline.serving.models import Models
from srl_pipeline.serving.questions import Answer, Heard, Question
from srl_pipeline.serving.records import Recorder
from srl_pipeline.serving.shadow import Asked, Shadow
from srl_pipeline.serving.watch import Actions, Watch

if TYPE_CHECKING:
    from srl_pipeline.serving.answering import ServedModel


class Service:
    """Answers questions with the model of an alias; safe to use from threads.

    Args:
        home: The installation's folder, where the journal lies.
        load: Loads a version of the registered model.
        actions: What alarms may do.

    Raises:
        PipelineError: The live model cannot be loaded.
    """

    def __init__(
        self,
        home: Path,
        decisions: Decisions,
        model_type: str,
        *,
        alias: Alias,
        shadow: Alias | None,
        config: ServingConfig,
        load: Callable[[str], ServedModel],
        actions: Actions,
    ) -> None:
        self.model_type, self.config = model_type, config
        self.counters = Counters()
        self.models = Models(decisions, model_type, alias, shadow, load)
        self._journal = Journal(home)
        self._lane = Lane("serving-live", config.queue)
        self._watch = Watch(self.models, self._journal, model_type, config, actions, self.counters)
        self._recorder = Recorder(self._journal, self.counters, self.models, self._watch.nudge)
        self._shadow = Shadow(self.models, self._lane, self._recorder, self.counters, config.queue)
        self.models.follow()
        self._watch.start()

    def submit(self, question: Question, heard: Heard, left: Event) -> Future[Answer]:
        """Queue a question; raises Busy where the queue is full.

        Args:
            heard: As of `questions.Heard`; called in the lane's thread.
            left: Set when the client is gone: the answer then ends at its next line.

        Returns:
            The answer. It raises Unanswerable, and ModelFailed.
        """
        try:
            return self._lane.submit(lambda: self._answer(question, heard, left))
        except Busy:
            self.counters.add("refused_total")
            raise

    def health(self) -> dict[str, Any]:
        """What serves, and what is wrong."""
        problems = [f"{name}: {text}" for name, text in sorted(dict(self.models.problems).items())]
        shadow = self.models.shadow
        return {
            "status": "degraded" if problems else "ok",
            "model_type": self.model_type,
            "alias": self.models.alias,
            "version": self.models.live.version,
            "shadow": {"alias": self.models.shadow_alias, "version": shadow.version} if shadow else None,
            "problems": problems,
        }

    def metrics(self) -> str:
        """Everything counted, in the Prometheus text format."""
        models = self.models
        held = [(models.alias, models.live), (models.shadow_alias, models.shadow)]
        infos = [
            ("model_info", {"model_type": self.model_type, "alias": alias or "", "version": model.version}, 1.0)
            for alias, model in held
            if model is not None
        ]
        gauges = [("waiting", {}, float(self._lane.inside)), ("degraded", {}, float(bool(models.problems)))]
        return self.counters.text([*gauges, *infos])

    def close(self) -> None:
        """End: what is under way is waited for, what waits is dropped."""
        self._shadow.stop()
        self._lane.close()
        self._shadow.close()
        self._watch.close()
        self.models.close()
        self._journal.close()

    def _answer(self, question: Question, heard: Heard, left: Event) -> Answer:
        model, watch = self.models.live, StopWatch()
        try:
            answer = self._recorder.ask(model, question, lambda text: left.is_set() or heard(text))
        except ModelFailed as failure:
            row = self._recorder.record(self._row(model, question, None, failure.kind, watch.seconds))
            self._shadow.follow(question, Asked(row=row, text=None), model)
            raise
        error = CLIENT_LEFT if left.is_set() else ""
        row = self._recorder.record(self._row(model, question, answer, error, watch.seconds))
        if not error:
            self._shadow.follow(question, Asked(row=row, text=answer.text), model)
        return answer

    def _row(
        self, model: ServedModel, question: Question, answer: Answer | None, error: str, seconds: float
    ) -> LiveRequest:
        judged = None if error or answer is None else answer.judgement
        return LiveRequest(
            at=now_iso(),
            model_type=self.model_type,
            alias=self.models.alias,
            version=model.version,
            axes="" if question.axes is None else dumps(question.axes),
            verified=judged.correct if judged else None,
            hard_violation=judged.hard_violation if judged else None,
            error=error,
            latency_seconds=seconds,
            tokens=answer.completion_tokens if answer else 0,
            since=self.models.since,
        )
