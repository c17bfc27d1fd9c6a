"""A YAML file that may hold a key by mistake, as a record: what is wrong is told, and a key is never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PackError, TeacherError
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import YamlPath, YamlSource
from srl_pipeline.teachers.prompted.secrets import looks_like_secret

MEND = "docs/teachers.md shows the format."
R = TypeVar("R", bound=Record)


def record_of(model: type[R], read: Callable[[], YamlSource], *checks: Callable[[R, YamlSource], None]) -> R:
    """The record that a file describes; ``read`` and ``checks`` raise PackError.

    Raises TeacherError with file, line and mend.
    """
    problem: PackError | None = None
    try:
        source = read()
        _check_plain(source, source.value)
        record: R = validate(cast("Any", model), source)  # takes any record, not only a pack's
        for check in checks:
            check(record, source)
        return record
    except PackError as error:
        problem = error
    # Outside of the handler: the cause would quote the file, and the file may hold a key that was pasted into it.
    mend = problem.mend if "docs/packs.md" not in problem.mend else MEND
    raise TeacherError(without_secret(problem.what), where=problem.where, mend=mend)


def _check_plain(source: YamlSource, value: object, path: YamlPath = ()) -> None:
    """The likeliest mistake is told without quoting it: a key where the name of its variable belongs."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        here = (*path, name)
        if name == "api_key_env" and inner is not None and not _is_variable(inner):
            raise PackError(
                f"{'.'.join(str(part) for part in here)} is no name of an environment variable.",
                where=source.place(here),
                mend="Write the NAME of the variable that holds the key, in capitals. If the key itself stands here, "
                "remove it, and replace it at the vendor if anyone else could read this file.",
            )
        _check_plain(source, inner, here)


def _is_variable(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier() and value.isupper() and not looks_like_secret(value)


def without_secret(text: str) -> str:
    """An error's text, unless it quotes what looks like a key."""
    return "A value has the form of a credential; it is not shown." if looks_like_secret(text) else text
