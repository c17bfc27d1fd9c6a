"""Tuning jobs in a DynamoDB table."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from srl_pipeline.canonical import dumps
from srl_pipeline.registry import Conflict
from srl_pipeline.registry.dynamo.sequence import Numbered
from srl_pipeline.registry.dynamo.table import Refused, Table
from srl_pipeline.registry.dynamo.writes import NEW, Item, Write
from srl_pipeline.tuning.jobs import TuningJob

_PARTITION = "TUNING"


class DynamoTuningJobs:
    """Implements `TuningJobs`. All jobs are one partition, by key: there are few, and a sensor reads them all."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sequence = Numbered[TuningJob](table, "TUNING")

    def get(self, key: str) -> TuningJob | None:
        """One job."""
        found = self._table.get(_PARTITION, key)
        return _job(found) if found else None

    def put(self, job: TuningJob) -> TuningJob:
        """Keep ``job``; raises `Conflict` where it was written since it was read."""
        kept = job.model_copy(update={"revision": job.revision + 1})
        return self._first(kept) if job.revision == 0 else self._next(kept)

    def jobs(self, model_type: str | None = None) -> list[TuningJob]:
        """Jobs of a model type or of all, newest first."""
        having = {"model_type": model_type} if model_type else {}
        found = self._table.query(_PARTITION, having=having)
        return [_job(item) for item in sorted(found, key=lambda item: int(item["number"]), reverse=True)]

    def close(self) -> None:
        """Give the connections back. Nothing may be under way."""
        self._table.close()

    def _first(self, kept: TuningJob) -> TuningJob:
        def plan(number: int) -> tuple[TuningJob, Sequence[Write]]:
            if self._table.get(_PARTITION, kept.key) is not None:
                raise self._conflict(kept)
            item: Item = {
                "pk": _PARTITION,
                "sk": kept.key,
                "number": number,
                "model_type": kept.model_type,
                **_record(kept),
            }
            return kept, [Write("Put", item, only_if=NEW)]

        return self._sequence.append(plan)

    def _next(self, kept: TuningJob) -> TuningJob:
        read, request = kept.revision - 1, uuid4().hex
        found = self._table.get(_PARTITION, kept.key)
        if found is None or found["revision"] != read:
            raise self._conflict(kept)
        item: Item = {**found, **_record(kept), "request": request}
        try:
            self._table.write([Write("Put", item, only_if="#revision = :read", values={"read": read})])
        except Refused:
            now = self._table.get(_PARTITION, kept.key)
            if now is None or now.get("request") != request:  # else an earlier try was carried out, its answer lost
                raise self._conflict(kept) from None
        return kept

    def _conflict(self, job: TuningJob) -> Conflict:
        return Conflict(
            f"Tuning job {job.key} was changed by another process.",
            where=f"DynamoDB table {self._table.name}",
            mend="Run the same command again: it goes on from there.",
        )


def _record(job: TuningJob) -> Item:
    return {"revision": job.revision, "record": dumps(job.model_dump(mode="json"))}


def _job(item: Item) -> TuningJob:
    return TuningJob.model_validate_json(str(item["record"]))
