"""What the static scan says of the infrastructure; `make scan` installs what it needs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from srl_pipeline_tests.infra.scan import report, scan
from srl_pipeline_tests.infra.terraform import INFRA

CHECKOV = INFRA.parent / ".venv-scan/bin/checkov"
needs_checkov = pytest.mark.skipif(not CHECKOV.is_file(), reason="`make scan` installs checkov")


def test_every_check_that_is_left_out_has_its_reason() -> None:
    settings = (INFRA / ".checkov.yaml").read_text().splitlines()
    listed = [line for line in settings if line.lstrip().startswith("- ")]
    beside = [line for file in INFRA.rglob("*.tf") for line in file.read_text().splitlines() if "checkov:skip" in line]
    assert listed and beside
    assert [line for line in listed if not re.fullmatch(r"  - CKV\w+ +# .{20,}", line)] == []
    assert [line for line in beside if not re.fullmatch(r" *#checkov:skip=CKV\w+:.{20,}", line)] == []


@needs_checkov
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_scan_finds_nothing() -> None:
    assert [line for one in scan(CHECKOV) for line in one.failed] == []


@needs_checkov
@pytest.mark.slow
def test_the_scan_finds_an_unencrypted_log_group(tmp_path: Path) -> None:
    shutil.copytree(INFRA, tmp_path / "infra", ignore=shutil.ignore_patterns(".terraform*"))
    file = tmp_path / "infra/terraform/modules/step_functions/main.tf"
    text = file.read_text()
    assert text.count("  kms_key_id        = var.kms_key_arn\n") == 1
    file.write_text(text.replace("  kms_key_id        = var.kms_key_arn\n", ""))
    assert [line.partition(" ")[0] for line in report(CHECKOV, tmp_path, "terraform").failed] == ["CKV_AWS_158"]
