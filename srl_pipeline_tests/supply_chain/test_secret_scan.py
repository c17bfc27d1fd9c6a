"""A text that looks like a secret is found by file, kind and hash; what is listed as none is narrow, and not kept."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from srl_pipeline_tests.supply_chain.findings import ROOT
from srl_pipeline_tests.supply_chain.secret_scan import KNOWN, Suspect, judge, read_known, scan_secrets

TOOLS = ROOT / ".venv-audit/bin"
needs_tools = pytest.mark.skipif(
    not (TOOLS / "detect-secrets").is_file(), reason="`make audit` installs detect-secrets"
)
ONE = Suspect("a.py", "AWS Access Key", "00", 7)
AWS = "AKIA" + "Q3EGRVLPT6KDJZWB"
"""Of the form of a key, and invented; put together so that no file holds it."""


def test_what_is_not_listed_is_found_with_its_line_and_without_its_text() -> None:
    (told,) = judge([ONE], [])
    assert told.startswith("a.py:7: looks like a secret (AWS Access Key).")


def test_what_is_listed_may_move_in_its_file_and_to_no_other() -> None:
    assert judge([ONE], [Suspect("a.py", "AWS Access Key", "00")]) == ()
    assert len(judge([ONE], [Suspect("b.py", "AWS Access Key", "00")])) == 2
    assert len(judge([ONE], [Suspect("a.py", "AWS Access Key", "01")])) == 2


def test_what_is_listed_and_no_longer_there_is_told() -> None:
    assert judge([], [ONE]) == (f"{KNOWN.name}: a.py: no such AWS Access Key (00) is there now",)


def test_each_entry_of_the_list_says_why_it_is_none() -> None:
    assert len(read_known(KNOWN)) > 0


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"a.py": [["AWS Access Key", "00", ""]]}))
    with pytest.raises(RuntimeError, match="why it is no secret"):
        read_known(tmp_path / "list.json")


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (AWS, "AWS Access Key"),
        ("sk-" + "ant-api03-" + "f3K9" * 12, "Vendor Key"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----", "Private Key"),
        ("ghp_" + "wJ3kQ9xT" * 4 + "b7Zq", "GitHub Token"),
    ],
)
def test_a_key_in_a_tracked_file_is_found(tmp_path: Path, text: str, kind: str) -> None:
    (tmp_path / "settings.py").write_text(f'VALUE = "{text}"\n')
    (tmp_path / "none.json").write_text("{}")
    for words in (["init", "--quiet"], ["add", "settings.py"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    step = scan_secrets(TOOLS, tmp_path, tmp_path / "none.json")
    assert f"settings.py:1: looks like a secret ({kind})" in "\n".join(step.findings)
    assert text not in "\n".join(step.findings)
