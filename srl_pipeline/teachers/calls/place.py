"""Where a call goes, for errors."""

from __future__ import annotations

from urllib.parse import urlsplit

from srl_pipeline.teachers.catalog.spec import TeacherEntry


def place_of(entry: TeacherEntry) -> str:
    """The model and its endpoint; without what an address may hold of credentials."""
    if entry.endpoint is None:
        return f"model {entry.model} at {entry.kind}"
    address = urlsplit(entry.endpoint)
    port = f":{address.port}" if address.port else ""
    return f"model {entry.model} at {address.scheme}://{address.hostname}{port}{address.path}"
