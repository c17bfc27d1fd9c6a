"""The teachers that are in use: can each be asked, may its answers be used, is its money allowed? None is asked."""

from __future__ import annotations

import socket
from datetime import date
from urllib.parse import urlsplit

from srl_pipeline.clock import now
from srl_pipeline.config import PipelineConfig
from srl_pipeline.doctor.finding import Finding, ok, problem, told_by, warning
from srl_pipeline.doctor.installation import Installation
from srl_pipeline.errors import PipelineError
from srl_pipeline.teachers.calls.pricing import price_of
from srl_pipeline.teachers.catalog import Catalog, TeacherEntry, current_catalog, old_dates
from srl_pipeline.teachers.providers.credentials import credential_of, endpoint_of
from srl_pipeline.teachers.registry import check_terms, responsible_teacher

CONNECT_SECONDS = 5.0
SHOWN = 5
"""Model types that are named."""


def teachers(installation: Installation) -> list[Finding]:
    """`teachers.yaml`, and each teacher in use: key, terms, price, caps, age of what was looked up.

    What nobody is taught by is not looked at; `srl-pipeline teachers check` does.
    """
    catalog = current_catalog()
    found: list[Finding] = []
    used = _used(installation)
    for name, configs in used.items():
        entry = catalog.entry(name)
        found += teacher_findings(catalog, name, entry, now().date())
        if _is_paid(entry) and (uncapped := [kind for kind, c in configs.items() if not c.budget.month_usd]):
            found.append(cap_finding(name, entry, uncapped))
    found += _strangers(catalog, installation)
    return found or [ok(f"in use: {', '.join(sorted(used)) or 'none'}; {catalog.where}")]


def teacher_findings(catalog: Catalog, name: str, entry: TeacherEntry, today: date) -> list[Finding]:
    """What keeps a teacher from being asked or used, and what should be looked up again."""
    if entry.kind == "search":
        return []
    found: list[Finding] = []
    for check in (_check_key, check_terms):
        try:
            check(name, entry)
        except PipelineError as error:
            found.append(told_by(error))
    mend = "Look it up at the vendor, and write the day."
    old = [warning(note, where=f"teachers.{name}, {catalog.where}", mend=mend) for note in old_dates(entry, today)]
    return found + old


def cap_finding(name: str, entry: TeacherEntry, model_types: list[str]) -> Finding:
    """The first call of a paid teacher would be refused."""
    named = ", ".join(model_types[:SHOWN]) + (", …" if len(model_types) > SHOWN else "")
    return problem(
        f"Teacher {name!r} costs money, and no monthly cap is set for {named}: nothing will be paid.",
        where=f"setting budget.month_usd; vendor {entry.account_vendor}",
        mend='Set it for every run, as SRL_SETTINGS="{budget.month_usd: 20}".',
    )


def endpoints(installation: Installation) -> list[Finding]:
    """With ``--online``: whether the endpoints of teachers in use take a connection. Nothing is sent, no key either."""
    if not installation.online:
        return [ok("not asked without --online")]
    catalog = current_catalog()
    asked = {name: catalog.entry(name) for name in _used(installation) if catalog.entry(name).endpoint}
    unreached = [told for name, entry in asked.items() if (told := _unreached(name, entry))]
    return unreached or [
        ok(f"reached: {', '.join(sorted(asked))}" if asked else "no teacher in use has one of its own")
    ]


def _used(installation: Installation) -> dict[str, dict[str, PipelineConfig]]:
    """Teacher -> model type -> its settings, of the packs that load and whose settings can be read."""
    used: dict[str, dict[str, PipelineConfig]] = {}
    for model_type in sorted(installation.packs[0]):
        config = installation.config_of(model_type)
        used.setdefault(responsible_teacher(config.generation.teacher, model_type), {})[model_type] = config
    return used


def _strangers(catalog: Catalog, installation: Installation) -> list[Finding]:
    known = {*installation.packs[0], *installation.packs[1], "default"}
    return [
        problem(
            f"There is no model type {name!r}.", where=f"responsibilities, {catalog.where}", mend="Correct the name."
        )
        for name in sorted(set(catalog.file.responsibilities) - known)
    ]


def _check_key(name: str, entry: TeacherEntry) -> None:
    """Raises TeacherError where the environment does not hold what the teacher needs."""
    if entry.kind != "transformers" and entry.project is None:  # a cloud project has credentials of its own
        credential_of(entry)


def _is_paid(entry: TeacherEntry) -> bool:
    price = price_of(entry) if entry.kind != "search" else None
    return price is not None and bool(price.input or price.output or price.cached_input)


def _unreached(name: str, entry: TeacherEntry) -> Finding | None:
    parts = urlsplit(endpoint_of(entry, ""))
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((str(parts.hostname), port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        return problem(
            f"{parts.hostname}:{port} takes no connection ({error.strerror or type(error).__name__}).",
            where=f"endpoint of teacher {name}",
            mend="Start the server, or check address, network and firewall.",
        )
    return None
