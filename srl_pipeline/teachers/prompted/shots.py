"""Solved tasks that a teacher is shown before its own (few-shot prompting): kept by content, proven before use.

A set is a file ``<home>/tuning/prompts/<digest>.json``. Its digest stands in the teacher's entry and is part of its
version, so an altered file is another set and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, ValidationError

from srl_pipeline.canonical import digest, pretty
from srl_pipeline.contracts import Facts, Record, Step, Trajectory
from srl_pipeline.errors import TeacherError
from srl_pipeline.registry.artifacts import disk_errors, write_durably
from srl_pipeline.teachers.prompted.injection import first_injection, strings_of
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.verification import Verifier

FOLDER = Path("tuning", "prompts")
"""Below an installation's folder."""
MEND = "Restore the file, or tune again and let the new teacher take its place."


class Shot(Record):
    """One solved task, as far as it is shown: no lore, which is long and speaks of that task alone."""

    brief: str
    axes: dict[str, str | float]
    facts: Facts
    steps: list[Step] = Field(min_length=1, description="A solution that Model C accepted.")


class Shots(Record):
    """What a teacher is shown, in this order."""

    model_type: str
    shots: list[Shot] = Field(min_length=1, max_length=16)

    @property
    def digest(self) -> str:
        """Hash of the content."""
        return digest(self.model_dump(mode="json"))


def shot_of(trajectory: Trajectory) -> Shot:
    """A solved task as it is shown."""
    scenario = trajectory.scenario
    return Shot(brief=scenario.brief, axes=scenario.axes, facts=scenario.facts, steps=trajectory.steps)


def keep_shots(home: Path, shots: Shots) -> Path:
    """Keep a set for good; returns its file. Raises ArtifactError where the disk is full."""
    file = home / FOLDER / f"{shots.digest}.json"
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, pretty(shots.model_dump(mode="json")))
    return file


def read_shots(home: Path, name: str) -> Shots:
    """The set of digest ``name``; raises TeacherError where it is missing or another one."""
    file = home / FOLDER / f"{name}.json"
    try:
        shots = Shots.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise TeacherError("The solved tasks of the prompt are missing.", where=str(file), mend=MEND) from error
    except OSError as error:
        what = f"The solved tasks of the prompt cannot be read: {error.strerror}."
        raise TeacherError(what, where=str(file), mend="Grant access to the file.") from error
    except ValidationError as error:
        what = f"The solved tasks of the prompt are not readable: {error.errors()[0]['msg']}."
        raise TeacherError(what, where=str(file), mend=MEND) from error
    if shots.digest != name:
        raise TeacherError("The solved tasks of the prompt were altered.", where=str(file), mend=MEND)
    return shots


def check_shots(shots: Shots, verifier: Verifier, secrets: SecretFilter) -> None:
    """Raises TeacherError for a set that may not be sent, or that does not fit the pack's steps as they are now.

    Rules may have changed since, as they may after a model was tuned: Model C judges the answers, not the examples.
    """
    pack = verifier.pack
    where = f"solved tasks {shots.digest} of a teacher's prompt, model type {pack.name}"
    if shots.model_type != pack.name:
        raise TeacherError(
            f"This teacher is shown solved tasks of {shots.model_type!r}; it cannot be asked for {pack.name!r}.",
            where=where,
            mend="Choose another teacher for this model type.",
        )
    for number, shot in enumerate(shots.shots, 1):
        if (problem := shot_problem(shot, verifier, secrets)) is not None:
            raise TeacherError(
                f"Solved task {number} {problem}.", where=where, mend="Tune again, on solutions of this pack."
            )


def shot_problem(shot: Shot, verifier: Verifier, secrets: SecretFilter) -> str | None:
    """Why a solved task may not be shown, or None."""
    steps = verifier.pack.spec.steps
    if [s.title for s in shot.steps] != [s.title for s in steps]:
        return "has other steps than the pack"
    for index, step in enumerate(shot.steps):
        if (wrong := verifier.structure_error(index, step.action)) is not None:
            return f"does not fit the pack's step {step.title!r}: {wrong}"
    texts = list(shot_texts(shot))
    if found := first_injection(texts):
        return f"holds {found}"
    return "holds what looks like a credential" if any(map(secrets.found, texts)) else None


def shot_texts(shot: Shot) -> Iterator[str]:
    """Everything in a solved task that somebody wrote."""
    yield shot.brief
    yield from strings_of([shot.axes, shot.facts])
    for step in shot.steps:
        yield step.reasoning
        yield from strings_of(step.action)
