"""Where tuning jobs are kept, on every backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from srl_pipeline.registry import Account, Conflict, Hold
from srl_pipeline.tuning.job_store import open_jobs_store
from srl_pipeline.tuning.jobs import TuningJobs
from srl_pipeline.tuning.records import JobState
from srl_pipeline_tests.aws.state import BACKENDS, use
from srl_pipeline_tests.tuning.examples import AT, job


@pytest.fixture(params=BACKENDS)
def jobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TuningJobs]:
    use(request.param, monkeypatch)
    kept = open_jobs_store(tmp_path)
    yield kept
    kept.close()


def test_a_job_comes_back_as_it_was_kept(jobs: TuningJobs) -> None:
    hold = Hold(
        id="h",
        call="c",
        account=Account(run="r", model_type="houses", vendor="openai"),
        amount=5,
        month="2026-11",
        expires_at=AT,
    )
    state = JobState(state="running", note="step 3")
    kept = jobs.put(job(phase="submitted", hold=hold, files={"train": "file-1"}, state=state, charged=7))
    assert kept.revision == 1 and jobs.get(kept.key) == kept


def test_who_read_an_older_record_may_not_write(jobs: TuningJobs) -> None:
    first = jobs.put(job())
    jobs.put(first.model_copy(update={"phase": "reserved"}))
    with pytest.raises(Conflict, match="changed by another process"):
        jobs.put(first.model_copy(update={"phase": "uploaded"}))
    kept = jobs.get(first.key)
    assert kept is not None and kept.phase == "reserved"


def test_a_job_is_begun_once(jobs: TuningJobs) -> None:
    jobs.put(job())
    with pytest.raises(Conflict):
        jobs.put(job())


def test_jobs_are_listed_newest_first_by_model_type(jobs: TuningJobs) -> None:
    for key, kind in (("a", "houses"), ("b", "trees"), ("c", "houses")):
        jobs.put(job(key=key, model_type=kind))
    assert [j.key for j in jobs.jobs()] == ["c", "b", "a"]
    assert [j.key for j in jobs.jobs("houses")] == ["c", "a"]
    assert jobs.get("d") is None
