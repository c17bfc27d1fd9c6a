"""Puts live requests to the other model afterwards, when nobody waits, and journals what both are worth."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Event
from typing import TYPE_CHECKING

from srl_pipeline.clock import StopWatch, now_iso
from srl_pipeline.contracts import Record
from srl_pipeline.serving.errors import Busy, ModelFailed, Unanswerable
from srl_pipeline.serving.journal import LiveRequest, ShadowRequest
from srl_pipeline.serving.lane import Lane
from srl_pipeline.serving.metrics import Counters
from srl_pipeline.serving.models import Models
from srl_pipeline.serving.questions import Question

if TYPE_CHECKING:
    from srl_pipeline.serving.answering import ServedModel
    from srl_pipeline.serving.records import Recorder

GLANCE = 0.05
"""Seconds between two looks at whether a shadow may go on."""


class Asked(Record):
    """A live request that was answered: its row, and the text where there is one."""

    row: LiveRequest
    text: str | None


class Shadow:
    """The background worker.

    It begins only when no live request is under way or waits, and it pauses at the end of a line when one comes. A
    model that becomes the live one meanwhile does not pause: live requests wait for it.

    Args:
        live: The lane of live requests.
        waiting: Requests that may wait for the shadow; more are dropped and counted.
    """

    def __init__(self, models: Models, live: Lane, recorder: Recorder, counters: Counters, waiting: int) -> None:
        self._models, self._live, self._recorder, self._counters = models, live, recorder, counters
        self._lane = Lane("serving-shadow", waiting)
        self._over = Event()

    def follow(self, question: Question, asked: Asked, live: ServedModel) -> None:
        """Queue the same request for the shadow, or drop it where too many wait."""
        if self._models.shadow is None or self._over.is_set():
            return
        try:
            future = self._lane.submit(lambda: self._compare(question, asked, live))
        except Busy:
            self._dropped("queue")
        else:
            future.add_done_callback(self._ended)

    def stop(self) -> None:
        """Take nothing more; what is under way ends at its next line."""
        self._over.set()

    def close(self) -> None:
        """Drop what waits, after `stop`."""
        self._lane.close()

    def _compare(self, question: Question, asked: Asked, live: ServedModel) -> None:
        model = self._models.shadow
        if model is None or self._models.live is not live:  # the aliases moved while it waited
            self._dropped("moved")
            return
        self._pause(model)
        if self._over.is_set():
            return
        paused = [0.0]

        def heard(_: str) -> bool:
            paused[0] += self._pause(model)
            return self._over.is_set()

        watch = StopWatch()
        try:
            answer, error = self._recorder.ask(model, question, heard), ""
        except Unanswerable:  # the other model's rules know no such scenario
            self._dropped("unanswerable")
            return
        except ModelFailed as failure:
            answer, error = None, failure.kind
        if self._over.is_set():
            return
        judge = model if self._models.shadow_alias == "candidate" else live
        try:
            judged, live_judged = (
                judge.judge(question.axes, text) if question.axes is not None and text is not None else None
                for text in (answer.text if answer else None, asked.text)
            )
        except Unanswerable:
            self._dropped("unanswerable")
            return
        self._recorder.record(
            ShadowRequest(
                at=now_iso(),
                model_type=asked.row.model_type,
                alias=self._models.shadow_alias or "",
                version=model.version,
                axes=asked.row.axes,
                verified=judged.correct if judged else None,
                hard_violation=judged.hard_violation if judged else None,
                error=error,
                latency_seconds=max(0.0, watch.seconds - paused[0]),
                tokens=answer.completion_tokens if answer else 0,
                since=asked.row.since,
                pair=asked.row.id,
                live_version=live.version,
                live_verified=live_judged.correct if live_judged else None,
            )
        )

    def _pause(self, model: ServedModel) -> float:
        """Wait while live requests are there; returns the seconds."""
        watch = StopWatch()
        while not self._over.is_set() and self._models.shadow is model and not self._live.wait_idle(GLANCE):
            pass
        return watch.seconds

    def _dropped(self, why: str) -> None:
        self._counters.add("shadows_dropped_total", {"why": why})

    def _ended(self, future: Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self._recorder.problem("shadow worker", f"{type(error).__name__} while a shadow was recorded")
