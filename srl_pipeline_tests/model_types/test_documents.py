"""Lore: a fact counts as stated when the prose says it in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.model_types.documents import read_document, states


@pytest.mark.parametrize(
    ("prose", "value"),
    [
        ("Built of Granite.", "granite"),
        ("Roofs of palm\nthatch.", "palm_thatch"),
        ("No more than three storeys.", 3.0),
        ("It has 3 storeys.", 3.0),
        ("It burns 2.5 h.", 2.5),
        ("No lamp: zero.", 0.0),
        ("Limestone and granite.", ["granite", "limestone"]),
        ("It ends at 12.", 12.0),
        ("At least -8 LUFS.", -8.0),
        ("Speech keeps 1-4 kHz.", 4.0),
    ],
)
def test_prose_states_a_fact(prose: str, value: str | float | list[str]) -> None:
    assert states(prose, value)


@pytest.mark.parametrize(
    ("prose", "value"),
    [
        ("Built of stone.", "granite"),
        ("It has 13 storeys.", 3.0),
        ("It has 3.5 storeys.", 3.0),
        ("It has 30 storeys.", 3.0),
        ("It weighs 2.53 kg.", 2.5),
        ("Thirteen lamps.", 3.0),
        ("Limestone only.", ["limestone", "granite"]),
        ("Satin curtains.", "tin"),
        ("Twenty-one.", 21.0),
        ("At least -8 LUFS.", 8.0),
    ],
)
def test_prose_does_not_state_a_fact(prose: str, value: str | float | list[str]) -> None:
    assert not states(prose, value)


@pytest.mark.parametrize(("before", "newline"), [(b"", b"\n"), (b"", b"\r\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_a_document_reads_the_same_from_any_editor(tmp_path: Path, before: bytes, newline: bytes) -> None:
    text = "---\nid: a\ntitle: A\nfacts: {lamps: 2}\n---\n## Lamps\nTwo lamps.\n"
    file = tmp_path / "a.md"
    file.write_bytes(before + text.encode().replace(b"\n", newline))
    document = read_document(file)
    assert (document.facts, document.prose) == ({"lamps": 2.0}, "## Lamps\nTwo lamps.")
