"""Test-only: files of teachers, written out and found as the program finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

ENTRY = """\
  {name}:
    kind: openai
    model: {model}
    endpoint: http://127.0.0.1:1/v1
    api_key_env: TEST_TEACHER_KEY
    price: {{input: {price}, output: 2, as_of: {day}}}
    limits: {{max_output_tokens: {tokens}}}
    terms: {{training_allowed: {allowed}, source: a contract, as_of: {day}}}
"""


def entry(
    name: str = "hosted",
    model: str = "m-1",
    price: float = 1,
    day: str = "2026-11-01",
    tokens: int = 512,
    allowed: str = "true",
) -> str:
    """One teacher behind an endpoint."""
    return ENTRY.format(name=name, model=model, price=price, day=day, tokens=tokens, allowed=allowed)


def file_of(*entries: str, **responsible: str) -> str:
    """A whole file; the embedded teacher does what nobody else is named for."""
    lines = {"default": "search"} | responsible
    teachers = "version: 1\nteachers:\n  search: {kind: search}\n" + "".join(entries)
    return teachers + "responsibilities:\n" + "".join(f"  {k}: {v}\n" for k, v in lines.items())


def listed(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``text`` as the file that ``SRL_TEACHERS`` names."""
    file = path / "teachers.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SRL_TEACHERS", str(file))
    return file
