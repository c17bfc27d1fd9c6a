"""Test-only, run by the audit's own Python: ``sbom_schema.py VERSION FILE`` ends with 1 where FILE is not valid."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema_rs
from cyclonedx.schema import _res

SCHEMAS = Path(next(iter(_res.__path__)))


def main(version: str, file: str) -> int:
    """0 for a valid file; else 1, with the first thing that is wrong."""
    parts = [json.loads((SCHEMAS / name).read_text()) for name in _named(version)]
    schema, *others = parts
    resources = [
        (f"http://cyclonedx.org/schema/{name}", part) for name, part in zip(_named(version)[1:], others, strict=True)
    ]
    validator = jsonschema_rs.validator_for(schema, registry=jsonschema_rs.Registry(resources))
    for error in validator.iter_errors(json.loads(Path(file).read_text(encoding="utf-8"))):
        print(f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}")
        return 1
    return 0


def _named(version: str) -> list[str]:
    return [f"bom-{version}.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
