"""All checks, in the order in which their findings are read.

A check that raises PipelineError has found a problem, in the words that a run would use. Any other exception is a
defect of the check: it is raised as it is, with the check's name as a note, because a report that goes on without a
check would look like a sound one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from srl_pipeline.doctor import dagster_home, gpu, machine, settings, software, state, teachers
from srl_pipeline.doctor.finding import Finding, told_by
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.errors import PipelineError
from srl_pipeline.teachers.prompted.secrets import SecretFilter

Check = Callable[[Installation], list[Finding]]
CHECKS: Mapping[str, Check] = {
    "python": software.python,
    "packages": software.packages,
    "packs": settings.packs,
    "settings": settings.settings,
    "processors": machine.processors,
    "memory": machine.memory,
    "home": machine.folder,
    "disk": machine.disk,
    "shared memory": machine.shared_memory,
    "gpu": gpu.gpu,
    "student": software.student,
    "embedder": software.embedder,
    "teachers": teachers.teachers,
    "endpoints": teachers.endpoints,
    "tuning": settings.tuning,
    "sagemaker": settings.sagemaker,
    "training pod": settings.pod,
    "store": state.store,
    "state": state.table,
    "state files": state.files,
    "clock": state.clock,
    "dagster": dagster_home.dagster,
    "daemon": dagster_home.daemon,
    "tools": software.tools,
}
HIDDEN = "(What stands here looks like a credential; it is not shown.)"
_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


def examine(installation: Installation, checks: Mapping[str, Check] = CHECKS) -> Iterator[tuple[str, Finding]]:
    """Name of a check and one of its findings, as they are found. Nothing is changed, and nothing is spent.

    A problem that several checks meet is told once. No finding shows a credential.
    """
    secrets = SecretFilter(name for name in os.environ if any(word in name.upper() for word in _SECRET_NAMES))
    told: set[Finding] = set()
    for name, check in checks.items():
        for finding in _findings(name, check, installation):
            if finding.level == "ok" or finding not in told:
                told.add(finding)
                yield name, _without_secrets(finding, secrets)


def _findings(name: str, check: Check, installation: Installation) -> list[Finding]:
    try:
        return check(installation)
    except PipelineError as error:
        return [told_by(error)]
    except Exception as error:
        error.add_note(f"It was raised by the check {name!r} of srl-pipeline doctor, which is a defect of the check.")
        raise


def _without_secrets(finding: Finding, secrets: SecretFilter) -> Finding:
    hidden = {name: HIDDEN for name, text in finding.model_dump().items() if secrets.found(text)}
    return finding.model_copy(update=hidden)
