"""Looks at the aliases and at the figures, again and again, and does what an alarm calls for."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Protocol

from srl_pipeline.config import ServingConfig
from srl_pipeline.contracts import Json
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.decisions import Decision, Decisions
from srl_pipeline.serving import alarms
from srl_pipeline.serving.errors import ServingError
from srl_pipeline.serving.journal import Journal, Role
from srl_pipeline.serving.metrics import Counters
from srl_pipeline.serving.models import RETRY_SECONDS, Models

log = logging.getLogger("srl_pipeline")


class Act(Protocol):
    """Keeps the decision and moves the alias, unless another model than ``leaving`` is meant by now (Conflict)."""

    def __call__(self, *, reason: str, evidence: Mapping[str, Json], leaving: str) -> Decision: ...


@dataclass(frozen=True)
class Actions:
    """What alarms may do to one model type."""

    rollback: Act
    refuse_candidate: Act


def registry_actions(store: ArtifactStore, decisions: Decisions, model_type: str) -> Actions:
    """The real ones: the same as of the command line, except that no alarm goes back to a model that was taken back."""
    from srl_pipeline.promotion import refuse_candidate, rollback, taken_back

    def go_back(*, reason: str, evidence: Mapping[str, Json], leaving: str) -> Decision:
        previous = decisions.aliases(model_type).get("previous")
        if previous and (back := taken_back(store, decisions, model_type, previous)):
            raise ServingError(
                f"The previous model {previous} was itself taken back by decision {back.id}.",
                where="rollback",
                mend="Promote another one by hand; going back and forth would not help.",
            )
        return rollback(store, decisions, model_type, reason=reason, evidence=evidence, leaving=leaving)

    return Actions(rollback=go_back, refuse_candidate=partial(refuse_candidate, decisions, model_type))


class Watch:
    """One thread that follows the aliases and heeds the alarms."""

    def __init__(
        self,
        models: Models,
        journal: Journal,
        model_type: str,
        config: ServingConfig,
        actions: Actions,
        counters: Counters,
    ) -> None:
        self._models, self._journal = models, journal
        self._model_type, self._config, self._actions = model_type, config, actions
        self._counters = counters
        self._vain: dict[tuple[str, str, str], float] = {}
        self._news, self._over = Event(), Event()
        self._thread = Thread(target=self._run, name="serving-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def nudge(self) -> None:
        """Look soon: there are new figures."""
        self._news.set()

    def close(self) -> None:
        """End; waits for a look that is under way."""
        self._over.set()
        self._news.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="serving-look") as looks:
            while not self._over.is_set():
                self._news.clear()
                # Whatever a look raises, the next one is made; until one succeeds /healthz tells of it.
                if (error := looks.submit(self._look).exception()) is None:
                    self._models.problems.pop("watch", None)
                else:
                    self._told("watch", error.what if isinstance(error, PipelineError) else type(error).__name__)
                self._news.wait(self._config.poll_seconds)

    def _look(self) -> None:
        self._models.follow()
        self._heed()

    def _heed(self) -> None:
        live, shadow = self._models.live, self._models.shadow
        errors = self._errors("live", live.version)
        if errors.alarm:
            self._told("errors", f"{live.version} failed on {errors.failed} of its last {errors.n} requests")
        else:
            self._models.problems.pop("errors", None)
        found = self._alarm(live.version, shadow.version, errors) if shadow else None
        if shadow is None or found is None:
            self._models.problems.pop("alarm", None)
            return
        key = (found.act, live.version, shadow.version)
        if time.monotonic() < self._vain.get(key, 0.0):
            return
        try:
            self._act(found, live.version, shadow.version)
        except PipelineError as error:
            self._vain[key] = time.monotonic() + RETRY_SECONDS
            self._told("alarm", f"{found.reason} Nothing was changed: {error.what}")
            return
        log.warning("serving %s: %s: %s", self._model_type, found.act, found.reason)
        self._counters.add("alarms_total", {"act": found.act, "model_type": self._model_type})
        self._models.follow()

    def _errors(self, role: Role, version: str) -> alarms.ErrorRate:
        config = self._config
        failures = self._journal.failures(self._model_type, role, version, self._models.since, config.window)
        return alarms.error_rate(failures, config)

    def _alarm(self, live: str, shadow: str, errors: alarms.ErrorRate) -> alarms.Alarm | None:
        alias, config = self._models.shadow_alias, self._config
        pairs = self._journal.pairs(self._model_type, live, shadow, self._models.since)
        # Judged is the newer of the two: the live model beside what it replaced, the candidate beside what it may.
        lost, won = pairs.only_shadow, pairs.only_live
        if alias == "candidate":
            lost, won = won, lost
        judged = alarms.quality(n=pairs.n, lost=lost, won=won, config=config)
        return alarms.alarm(self._models.alias, alias, errors, self._errors("shadow", shadow), judged, config)

    def _act(self, alarm: alarms.Alarm, live: str, shadow: str) -> None:
        """Do it; raises PipelineError where it cannot be done, and nothing was changed."""
        evidence = {**alarm.evidence, "live_version": live, "shadow_version": shadow}
        if alarm.act == "refuse_candidate":
            self._actions.refuse_candidate(reason=alarm.reason, evidence=evidence, leaving=shadow)
            return
        self._actions.rollback(reason=alarm.reason, evidence=evidence, leaving=live)

    def _told(self, name: str, text: str) -> None:
        if self._models.problems.get(name) != text:
            log.warning("serving %s: %s", self._model_type, text)
        self._models.problems[name] = text
