"""Importing the package stays cheap."""

from __future__ import annotations

import subprocess
import sys


def test_importing_evaluation_and_the_command_line_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'pandas', 'matplotlib', 'numpy', 'dagster'}"
    code = f"import sys, srl_pipeline.evaluation, srl_pipeline.cli.app; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
