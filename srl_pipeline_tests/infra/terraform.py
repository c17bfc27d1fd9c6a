"""Test-only: terraform in a copy of the configuration, without network, always under a time limit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

INFRA = Path(__file__).parents[2] / "infra"
ROOTS = INFRA / "terraform"
PARENTS = ("~/.terraform.d", "/usr/local/share/terraform", "/usr/share/terraform", "/opt")
"""Folders below which a filesystem mirror may lie; SRL_TERRAFORM_MIRROR names one that lies elsewhere."""
AWS = "registry.terraform.io/hashicorp/aws"
OVERRIDE = """
provider "aws" {
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  max_retries                 = 1 # an API that the emulator lacks fails at once, and not after minutes
}
"""


@dataclass(frozen=True)
class Terraform:
    """Commands in one folder; never two at a time. ``variables`` are added to the environment."""

    folder: Path
    variables: dict[str, str]

    def run(self, *arguments: str, seconds: float = 120, code: int = 0) -> str:
        """What the command printed; fails the test where it ends with another code."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env={**clean_environment(), **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == code, f"terraform {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def show(self, *arguments: str) -> dict[str, Any]:
        """A plan file, or the state without one, as JSON."""
        return json.loads(self.run("show", "-json", *arguments).strip().splitlines()[-1])


def clean_environment() -> dict[str, str]:
    """Nothing of this machine's AWS or Terraform settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def require_terraform() -> None:
    """Skip on a machine without terraform; in CI that is a failure, or the tests would silently never run."""
    if shutil.which("terraform") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("terraform is not installed")


@cache
def mirror() -> Path:
    """Where the AWS provider lies."""
    named = os.environ.get("SRL_TERRAFORM_MIRROR")
    places = [Path(named)] if named else [place for p in PARENTS for place in Path(p).expanduser().glob("*")]
    for place in places:
        if (place / AWS).is_dir():
            return place
    (pytest.fail if os.environ.get("CI") else pytest.skip)("no filesystem mirror with the AWS provider")
    raise AssertionError("unreachable")


def copied(tmp_path: Path, folder: str, *, endpoint: str = "", provider: bool = True) -> Terraform:
    """``infra/`` copied to ``tmp_path``, and terraform in a folder of it; with ``endpoint``, against an emulator."""
    require_terraform()
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
    shutil.copytree(INFRA, tmp_path / "infra", ignore=ignored)
    variables: dict[str, str] = {"TF_CLI_CONFIG_FILE": os.devnull}
    if provider:
        config = tmp_path / "terraform.rc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n')
        variables["TF_CLI_CONFIG_FILE"] = str(config)
    root = tmp_path / "infra/terraform" / folder
    if endpoint:
        (root / "emulator_override.tf").write_text(OVERRIDE)
        variables["AWS_ENDPOINT_URL"] = endpoint
    return Terraform(root, variables)
