"""The local launcher with real child processes, and its end when a process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, TrainingError
from srl_pipeline.launchers.local import explain_exit, run_locally
from srl_pipeline.registry import ArtifactStore, Built

HEAD = "import os, signal, sys\nfrom pathlib import Path\n"
COMMIT = textwrap.dedent(
    """
    from dagster_pipes import open_dagster_pipes
    from srl_pipeline.contracts import StageRequest
    from srl_pipeline.registry import ArtifactStore, Outcome, build_or_reuse
    with open_dagster_pipes() as pipes:
        request = StageRequest.model_validate(pipes.extras["request"])
        pipes.log.info("step 1 of 2")
        def make(work):
            (work / "adapter.txt").write_text(os.environ["HF_HUB_OFFLINE"] + os.environ["GOMP_SPINCOUNT"])
            return Outcome(metrics={"loss": 1.5}, gates=[])
        build_or_reuse(
            ArtifactStore(Path(request.root)), request.stage, request.model_type,
            inputs={}, config={}, code="", make=make, data_version=request.data_version,
        )
    """
)


@pytest.fixture
def request_(tmp_path: Path) -> StageRequest:
    return StageRequest(
        stage="srl_checkpoint",
        root=str(tmp_path),
        model_type="inns",
        data_version="v1",
        inputs={},
        config={},
        code_version="c",
    )


@dataclass
class Launch:
    """What came of a launch: an artifact or an error, and what the run's log says."""

    built: Built | None = None
    error: TrainingError | None = None
    log: str = ""


def launch(request: StageRequest, script: str, *, withheld: Sequence[str] = ()) -> Launch:
    """Run a child within a real asset step."""
    outcome = Launch()

    @dg.asset
    def stage(context) -> dg.MaterializeResult:  # type: ignore[no-untyped-def]
        try:
            command = [sys.executable, "-c", HEAD + script]
            outcome.built = run_locally(context, request, withheld=withheld, command=command)
        except TrainingError as error:
            outcome.error = error
        return dg.MaterializeResult()

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([stage], instance=instance)
        outcome.log = "\n".join(e.user_message for e in instance.all_logs(result.run_id))
    return outcome


def test_a_child_makes_the_artifact_and_its_progress_is_logged_in_the_run(request_: StageRequest) -> None:
    outcome = launch(request_, COMMIT)
    assert outcome.error is None and outcome.built is not None and not outcome.built.reused
    assert outcome.built.manifest.metrics == {"loss": 1.5}
    assert "step 1 of 2" in outcome.log


def test_the_child_is_offline_and_its_idle_threads_sleep(
    request_: StageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    built = launch(request_, COMMIT).built
    assert built is not None
    assert (built.artifact.path / "adapter.txt").read_text() == "17"


def test_a_child_does_not_see_what_is_withheld_from_it(request_: StageRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTURER_KEY", "k")
    monkeypatch.setenv("HTTPS_PROXY", "p")
    tell = "sys.exit(f\"{os.environ.get('LECTURER_KEY')} {os.environ.get('HTTPS_PROXY')}\")"
    assert str(launch(request_, tell).error).count("\nk p\n") == 1
    assert str(launch(request_, tell, withheld=["LECTURER_KEY"]).error).count("\nNone p\n") == 1


def test_a_committed_artifact_needs_no_child(request_: StageRequest) -> None:
    launch(request_, COMMIT)
    built = launch(request_, "sys.exit('must not run')").built
    assert built is not None and built.reused


def test_a_killed_child_says_so_and_that_a_rerun_resumes(request_: StageRequest) -> None:
    error = launch(request_, "os.kill(os.getpid(), signal.SIGKILL)").error
    assert isinstance(error, ChildKilled)
    assert "killed by signal 9 (out of memory?)" in str(error)
    assert "Completed work is kept; run again, it resumes." in str(error)


def test_after_a_kill_the_next_run_finds_what_was_saved(request_: StageRequest) -> None:
    work = ArtifactStore(Path(request_.root)).work_folder("srl_checkpoint", "inns", "v1")
    save = f"Path({str(work)!r}, '_step_7').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    launch(request_, save)
    resume = f"assert Path({str(work)!r}, '_step_7').exists()\n"
    outcome = launch(request_, resume + COMMIT)
    assert outcome.error is None and outcome.built is not None


def test_a_childs_own_error_is_passed_on_with_its_remedy(request_: StageRequest) -> None:
    script = """
from dagster_pipes import open_dagster_pipes
with open_dagster_pipes() as pipes:
    pipes.report_custom_message({"error": {"what": "No student.", "where": "here", "mend": "Get one."}})
sys.exit(1)
"""
    error = launch(request_, script).error
    assert "No student.\n  where: here\n  mend:  Get one." in str(error)
    assert not isinstance(error, ChildKilled)


def test_a_child_that_ends_without_an_artifact_is_an_error(request_: StageRequest) -> None:
    error = launch(request_, "print('bye')").error
    assert "committed no artifact" in str(error)


def test_much_output_does_not_block_the_child(request_: StageRequest) -> None:
    error = launch(request_, "print('x' * 5_000_000); sys.exit(3)").error
    assert "failed with code 3" in str(error)


@pytest.mark.parametrize(
    ("code", "output", "told"),
    [
        (-15, "", "killed by signal 15."),
        (1, "Traceback\nValueError: odd\n", "failed with code 1:\nTraceback\nValueError: odd"),
        (2, "", "(it printed nothing)"),
        (143, "much", "asked to end (SIGTERM)."),
    ],
)
def test_an_exit_is_explained(code: int, output: str, told: str) -> None:
    assert told in explain_exit(code, output)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_no_child_outlives_a_launcher_that_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = f"""
from srl_pipeline.launchers.child import die_with_parent
die_with_parent()
import os, time; from pathlib import Path
Path({str(pid_file)!r}).write_text(str(os.getpid()))
time.sleep(60)
"""
    parent = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {child!r}], env=os.environ | {{"SRL_PARENT_PID": str(os.getpid())}}).wait()
"""
    launcher = subprocess.Popen([sys.executable, "-c", parent])
    _until(lambda: pid_file.exists() and pid_file.read_text() != "")
    pid = int(pid_file.read_text())
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    _until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_without_a_launcher_a_child_lives_on_its_own() -> None:
    code = "from srl_pipeline.launchers.child import die_with_parent; die_with_parent(); print('alive')"
    environment = {k: v for k, v in os.environ.items() if k != "SRL_PARENT_PID"}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "alive"
