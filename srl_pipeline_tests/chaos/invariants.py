"""Test-only: what holds for every home after every fault."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.registry.artifacts import MANIFEST, altered


def committed(home: Path) -> list[StoredArtifact]:
    """Every artifact that a store of this home shows; each of its files must be what its manifest says."""
    store = ArtifactStore(home / "artifacts")
    found: list[StoredArtifact] = []
    for manifest in sorted(store.root.glob(f"*/*/*/{MANIFEST}")):
        asset, model_type, version = manifest.parent.relative_to(store.root).parts
        if asset.startswith("_"):
            continue
        artifact = store.find(asset, model_type, version)
        assert artifact is not None
        assert altered(artifact) is None, f"{manifest}: {altered(artifact)} is not what the manifest says"
        assert (artifact.manifest.asset, artifact.data_version) == (asset, version)
        found.append(artifact)
    for folder in store.root.glob("[!_]*/*/*"):
        assert (folder / MANIFEST).is_file(), f"{folder} is visible without a manifest"
    return found


def sound_databases(home: Path) -> None:
    """SQLite's own check of each file of the home."""
    for file in home.rglob("*.sqlite"):
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], file


def litter(home: Path) -> list[str]:
    """What a work folder or a durable write has left behind."""
    left = [p for p in (home / "artifacts" / "_work").rglob("*") if p.is_file()]
    left += [p for p in home.rglob("*.tmp") if p not in left]
    left += list(home.glob("*.claims/*"))
    return sorted(str(p.relative_to(home)) for p in left)
