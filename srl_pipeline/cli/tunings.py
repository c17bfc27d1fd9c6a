"""``srl-pipeline tunings``: the jobs that there are, and giving one up."""

from __future__ import annotations

from typing import Annotated

import typer

from srl_pipeline.cli.output import JsonFlag, print_json, print_table
from srl_pipeline.config import home

app = typer.Typer(help="Tuning jobs: where they stand, and giving one up.", invoke_without_command=True)


@app.callback()
def tunings(context: typer.Context, json: JsonFlag = False) -> None:
    """List all tuning jobs, newest first."""
    if context.invoked_subcommand:
        return
    from contextlib import closing

    from srl_pipeline.registry import dollars
    from srl_pipeline.tuning.job_store import has_jobs, open_jobs_store

    jobs = []
    if has_jobs(home()):
        with closing(open_jobs_store(home())) as kept:
            jobs = kept.jobs()
    if json:
        print_json([job.model_dump(mode="json", exclude={"spec": {"grader"}}) for job in jobs])
    elif jobs:
        rows = [
            (
                job.key,
                job.model_type,
                job.tuner_name,
                job.state.state if job.state and job.phase in ("submitted", "closed") else job.phase,
                "–" if job.charged is None else f"{dollars(job.charged):.4f}",
                job.teacher or "–",
                job.problem or "–",
            )
            for job in jobs
        ]
        print_table(
            "Tuning jobs", ("job", "type", "tuner", "state", "US dollars", "teacher", "problem"), rows, wide=True
        )
    else:
        print("Nothing was tuned yet.")


@app.command()
def cancel(key: Annotated[str, typer.Argument(help="The job, as the list shows it.")]) -> None:
    """Give a job up: it is ended at the vendor, and what it cost is settled."""
    from srl_pipeline.defs.resources import PipelineResource
    from srl_pipeline.errors import TuningError
    from srl_pipeline.model_types import load_pack
    from srl_pipeline.tuning.open_jobs import open_jobs
    from srl_pipeline.tuning.page import job_line
    from srl_pipeline.tuning.work import Work

    found = next((job for job in open_jobs(home()) if job.key == key), None)
    if found is None:
        raise TuningError(f"There is no open job {key!r}.", where="tunings cancel", mend="See srl-pipeline tunings.")
    pipeline = PipelineResource(home=str(home()))
    pack = load_pack(found.model_type)
    with pipeline.decisions() as decisions:
        work = Work(home(), pipeline.store(), decisions, pack, pipeline.config(found.model_type, pack))
        print(job_line(work.cancel(key)))
