"""Dagster's own daemon is killed at random moments of a backfill, alone and with all that it began."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARENT_RUN_ID_TAG

from srl_pipeline.model_types import find_packs
from srl_pipeline.registry.places import open_history, open_store
from srl_pipeline_tests.chaos.daemon import Orchestrator, ask_for_backfill, wait_for_end
from srl_pipeline_tests.chaos.faults import seed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ASSETS = ("lore_index", "teacher_model", "rule_set", "trajectories", "verified_rewards")
ALONE, ALL = "the daemon killed", "daemon, code server and runs killed"
KILLS = (ALONE, ALL, ALONE, ALONE, ALL, ALONE)


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    orchestrator = Orchestrator(tmp_path)
    yield orchestrator
    orchestrator.close()


def test_a_backfill_is_made_once_and_whole_however_often_the_daemon_dies(
    orchestrator: Orchestrator, suffered: Callable[[str, str, str], None]
) -> None:
    moments = random.Random(seed())
    with dg.DagsterInstance.from_config(str(orchestrator.dagster_home)) as instance:
        backfill = ask_for_backfill(instance, ASSETS, list(find_packs()))
        for kill in KILLS:
            orchestrator.start()
            time.sleep(moments.uniform(4, 25))  # loading the code location, dividing the backfill, starting runs, runs
            orchestrator.kill(everything=kill == ALL)
        orchestrator.start()
        ended = wait_for_end(instance, backfill, 1200)
        wrong = broken(instance, backfill, orchestrator.home)
        if ended != BulkActionStatus.COMPLETED_SUCCESS:
            wrong = f"the backfill ended as {ended}\n{wrong}\n{orchestrator.log()}"
    for kill in KILLS:
        suffered("daemon in a backfill", kill, wrong)


def broken(instance: dg.DagsterInstance, backfill: str, home: Path) -> str:
    """What is missing, there twice or not at its end; empty where all is as it must be."""
    found: list[str] = []
    runs = instance.get_runs(dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill}))
    first = Counter(run.tags["dagster/partition"] for run in runs if PARENT_RUN_ID_TAG not in run.tags)
    found += [f"{name}: {first[name]} runs that are no retry" for name in find_packs() if first[name] != 1]
    found += [f"run {run.run_id} is {run.status.value}" for run in runs if not run.is_finished]
    well = Counter(run.tags["dagster/partition"] for run in runs if run.is_success)
    found += [f"{name}: {well[name]} runs succeeded" for name in find_packs() if well[name] != 1]
    store, history = open_store(home), open_history(home)
    for asset in ASSETS:
        for name in find_packs():
            versions = store.versions(asset, name)
            entered = len(history.entries(asset, name))
            if len(versions) != 1:
                found.append(f"{asset} of {name}: {len(versions)} artifacts")
            if entered != 1:
                found.append(f"{asset} of {name}: {entered} entries of the history")
    history.close()
    return "\n".join(found)
