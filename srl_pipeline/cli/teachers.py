"""``srl-pipeline teachers``: which teachers there are, who is responsible for what, and whether they can be used.

No command here asks a teacher anything.
"""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srl_pipeline.cli.output import JsonFlag, console, print_json, print_table
from srl_pipeline.clock import now_iso
from srl_pipeline.config import home

if TYPE_CHECKING:
    from srl_pipeline.teachers.catalog import Catalog, TeacherEntry

DECIDED = "generation.teacher"
app = typer.Typer(help="Model B: the teachers that teachers.yaml lists.", no_args_is_help=True)


@app.command("list")
def names(json: JsonFlag = False) -> None:
    """All teachers: version, price, terms, what they teach by the file and by decisions, whether their key is set."""
    from srl_pipeline.teachers.catalog import current_catalog, registered_file

    catalog, decided = current_catalog(), _decided()
    rows = [_row(catalog, name, decided) for name in sorted(catalog.teachers)]
    if json:
        print_json(rows)
        return
    columns = (
        "name",
        "kind",
        "model",
        "version",
        "responsible for",
        "decided for",
        "price ($/M in, out)",
        "terms",
        "key",
    )
    table = [
        (
            r["name"],
            r["kind"],
            r["model"] or "–",
            r["version"],
            ", ".join(r["responsible_for"]) or "nothing",
            ", ".join(r["decided_for"]) or "–",
            _price(r["price"]),
            _terms(r["terms"]),
            _key(r["key"]),
        )
        for r in rows
    ]
    print_table("Teachers", columns, table, wide=True)
    console.print(f"Listed in {catalog.where}", highlight=False, markup=False, soft_wrap=True)
    if catalog.registered:
        tuned = f"Registered by a tuning, in {registered_file()}: {', '.join(sorted(catalog.registered))}"
        console.print(tuned, highlight=False, markup=False, soft_wrap=True)


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="Teacher; all when left out.")] = None, json: JsonFlag = False
) -> None:
    """Prove that the file is right, and what it names exists. Nothing is asked. Exit 1 where a teacher cannot be used.

    A teacher that is responsible for nothing only gets warnings.
    """
    from srl_pipeline.model_types import find_packs
    from srl_pipeline.registry import origin
    from srl_pipeline.teachers.catalog import current_catalog

    catalog, decided = current_catalog(), _decided()
    problems: list[str] = []
    if name is None:
        known = {*find_packs(), "default"}
        strangers = sorted(set(catalog.file.responsibilities) - known)
        problems += [f"responsibilities: there is no model type {stranger!r}" for stranger in strangers]
        gone = {t: teacher for t, teacher in decided.items() if teacher not in catalog.teachers}
        problems += [
            f"{model_type}: there is no teacher {teacher!r}. {origin(home(), model_type, DECIDED)}"
            for model_type, teacher in gone.items()
        ]
    else:
        catalog.entry(name)
    warnings: list[str] = []
    today = date.fromisoformat(now_iso()[:10])
    for teacher in [name] if name else sorted(catalog.teachers):
        hindrances, notes = _check_one(catalog, teacher, today)
        used = bool(catalog.types_of(teacher)) or teacher in decided.values() or name is not None
        (problems if used else warnings).extend(hindrances)
        warnings += notes
    if json:
        print_json({"file": str(catalog.path) if catalog.path else None, "problems": problems, "warnings": warnings})
    else:
        for line in [*(f"problem: {p}" for p in problems), *(f"warning: {w}" for w in warnings)]:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        state = "cannot be used as it is" if problems else "is right"
        console.print(f"{catalog.where}: {state}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if problems else 0)


def _decided() -> dict[str, str]:
    """Model type -> teacher that a decision set for it, listed or not."""
    from srl_pipeline.model_types import find_packs
    from srl_pipeline.registry import decided_settings

    found = {name: decided_settings(home(), name).get(DECIDED) for name in sorted(find_packs())}
    return {name: str(teacher) for name, teacher in found.items() if teacher is not None}


def _check_one(catalog: Catalog, name: str, today: date) -> tuple[list[str], list[str]]:
    """What keeps a teacher from being used, and what should be looked at."""
    from srl_pipeline.errors import TeacherError
    from srl_pipeline.teachers.catalog import old_dates
    from srl_pipeline.teachers.prompted.shots import read_shots
    from srl_pipeline.teachers.registry import check_terms

    entry = catalog.entry(name)
    hindrances: list[str] = []
    if entry.api_key_env and not _is_set(entry):
        hindrances.append(f"{name}: the environment variable {entry.api_key_env} is not set")
    try:
        check_terms(name, entry)
        if entry.shots:
            read_shots(home(), entry.shots)
    except TeacherError as error:
        hindrances.append(f"{name}: {error.what}")
    return hindrances, [f"{name}: {note}" for note in old_dates(entry, today)]


def _row(catalog: Catalog, name: str, decided: dict[str, str]) -> dict[str, Any]:
    from srl_pipeline.teachers.registry import teacher_ref

    entry = catalog.entry(name)
    key = {"variable": entry.api_key_env, "set": _is_set(entry)} if entry.api_key_env else None
    return {
        "name": name,
        "kind": entry.kind,
        "model": entry.model,
        "vendor": entry.account_vendor,
        "endpoint": entry.endpoint,
        "registered_by": catalog.registered[name].origin if name in catalog.registered else None,
        "version": teacher_ref(name).version,
        "price": entry.price.model_dump(mode="json") if entry.price else None,
        "terms": entry.terms.model_dump(mode="json") if entry.terms else None,
        "responsible_for": catalog.types_of(name),
        "decided_for": [model_type for model_type, teacher in decided.items() if teacher == name],
        "key": key,
    }


def _is_set(entry: TeacherEntry) -> bool:
    return bool(os.environ.get(entry.api_key_env or "", "").strip())


def _price(price: dict[str, Any] | None) -> str:
    return f"{price['input']:g}, {price['output']:g} ({price['as_of']})" if price else "–"


def _terms(terms: dict[str, Any] | None) -> str:
    if terms is None:
        return "–"
    return f"{'training allowed' if terms['training_allowed'] else 'NO TRAINING'} ({terms['as_of']})"


def _key(key: dict[str, Any] | None) -> str:
    return f"{key['variable']} is {'set' if key['set'] else 'NOT set'}" if key else "–"
