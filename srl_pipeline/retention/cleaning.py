"""Cleaning a model type: look, and where it is asked for, remove.

The race with a run that is about to find an old version is closed as follows. A maker holds the lock of its asset from
before it looks for a version until that version is in the history. All of these locks are held while a cleaning reads
the history and removes: so a version that was found is in the history, and stays with all that it rests on. Runs of
other machines hold other locks: ``under_way`` asks Dagster for them, and its queue keeps the job `clean` from running
beside another run of the model type. Where a run slips through both, it fails with an error that names what is gone,
and the next one makes it again.

What is removed is written down first, as a decision; then one artifact goes after the other, none before what rests on
it. So a cleaning may end at any moment, and the next one goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, closing
from typing import NamedTuple

from srl_pipeline.clock import now, now_iso
from srl_pipeline.config import RetentionConfig
from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.registry import Alias, ArtifactStore, Decision, Decisions, StoredArtifact
from srl_pipeline.registry.artifact_rules import names_of
from srl_pipeline.registry.places import has_decisions, has_history, open_decisions, open_history
from srl_pipeline.retention.leftovers import DAY, leftovers_of, passing_folders, sweep
from srl_pipeline.retention.locks import cleaner_alone, makers_wait
from srl_pipeline.retention.needs import needed
from srl_pipeline.retention.planning import plan
from srl_pipeline.retention.records import Cleaning, KeptArtifact, Node, RemovedArtifact, node_of

log = logging.getLogger("srl_pipeline")
AT_ONCE = 200
"""Artifacts that one decision tells of."""
NOBODY = ""


def look(store: ArtifactStore, model_type: str, policy: RetentionConfig) -> Cleaning:
    """What a cleaning would remove now, and why the rest stays. Changes nothing, and makes no file.

    Raises ArtifactError where a manifest cannot be read, or something rests on what is not there.
    """
    return _looked(store, model_type, policy).cleaning


def clean(
    store: ArtifactStore,
    model_type: str,
    policy: RetentionConfig,
    under_way: Callable[[], str] = lambda: NOBODY,
) -> Cleaning:
    """Remove what nothing needs of a model type.

    Args:
        under_way: Which run of the model type is under way anywhere, in words; empty for none.

    Raises PipelineError where something of the type is being made or somebody else cleans, ArtifactError as `look`
    does; then nothing is removed.
    """
    with cleaner_alone(store), makers_wait(store, model_type, _assets(store, model_type)):
        if running := under_way():
            raise PipelineError(
                f"{running}: nothing of {model_type} was removed.",
                where=f"runs of {model_type}",
                mend="Clean again when it has ended.",
            )
        looked = _looked(store, model_type, policy)
        cleaning = looked.cleaning
        sweep(cleaning.leftovers)
        if cleaning.removed:
            with closing(open_decisions(store.home)) as decisions:
                _remove(store, decisions, looked)
        return cleaning.model_copy(update={"deleted": True})


class _Looked(NamedTuple):
    cleaning: Cleaning
    aliases: dict[Alias, str]
    """As they were when it was planned."""


def _looked(store: ArtifactStore, model_type: str, policy: RetentionConfig) -> _Looked:
    at = now()
    assets = _assets(store, model_type)
    manifests = [_own(store, asset, model_type, a) for asset in assets for a in store.versions(asset, model_type)]
    with ExitStack() as stack:
        decisions = stack.enter_context(closing(open_decisions(store.home))) if has_decisions(store.home) else None
        history = stack.enter_context(closing(open_history(store.home))) if has_history(store.home) else None
        aliases = decisions.aliases(model_type) if decisions else {}
        use = needed(store, model_type, manifests, decisions, history, policy.keep)
    planned = plan(manifests, use, policy, at)
    by_node = {node_of(m): m for m in manifests}
    cleaning = Cleaning(
        model_type=model_type,
        deleted=False,
        keep=policy.keep,
        keep_days=policy.keep_days,
        kept=[
            KeptArtifact(
                asset=node.asset,
                data_version=node.version,
                created_at=by_node[node].created_at,
                bytes=_size(store, model_type, node),
                why=why,
            )
            for node, why in sorted(planned.kept.items(), key=lambda item: _by_asset(by_node[item[0]]))
        ],
        removed=[
            *(_removed(store, model_type, node, by_node[node].created_at) for node in planned.removed),
            *_remains(store, model_type, by_node, assets, policy.keep_days, at.timestamp()),
        ],
        leftovers=[
            *passing_folders(store, at),
            *leftovers_of(store, model_type, by_node, policy.keep_days, at),
        ],
    )
    return _Looked(cleaning, aliases)


def _assets(store: ArtifactStore, model_type: str) -> list[str]:
    return [asset for asset, of in store.shelves() if of == model_type]


def _own(store: ArtifactStore, asset: str, model_type: str, artifact: StoredArtifact) -> Manifest:
    """Its manifest; raises ArtifactError for one that speaks of another artifact: its folder was copied or renamed."""
    names = asset, model_type, artifact.folder.name
    if names_of(artifact.manifest) != names:
        place = store.place(*names)
        raise ArtifactError("The manifest is of another artifact.", where=place, mend="Delete or move this folder.")
    return artifact.manifest


def _by_asset(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.asset, manifest.created_at, manifest.data_version


def _size(store: ArtifactStore, model_type: str, node: Node) -> int:
    return store.stored(node.asset, model_type, node.version).size


def _removed(store: ArtifactStore, model_type: str, node: Node, created_at: str) -> RemovedArtifact:
    size = _size(store, model_type, node)
    return RemovedArtifact(asset=node.asset, data_version=node.version, created_at=created_at, bytes=size)


def _remains(
    store: ArtifactStore,
    model_type: str,
    there: Collection[Node],
    assets: Sequence[str],
    keep_days: float,
    at: float,
) -> list[RemovedArtifact]:
    """Files without a manifest. Of a commit that is under way on object storage, some are young."""
    found: list[RemovedArtifact] = []
    for asset in assets:
        for version in store.names(asset, model_type):
            if Node(asset, version) in there or store.find(asset, model_type, version) is not None:
                continue
            stored = store.stored(asset, model_type, version)
            if stored.changed and at - stored.changed >= max(keep_days * DAY, DAY):
                found.append(RemovedArtifact(asset=asset, data_version=version, created_at="", bytes=stored.size))
    return found


def _remove(store: ArtifactStore, decisions: Decisions, looked: _Looked) -> None:
    cleaning = looked.cleaning
    for start in range(0, len(cleaning.removed), AT_ONCE):
        part = cleaning.removed[start : start + AT_ONCE]
        decisions.record(_decision(cleaning, part), expected=_expected(looked.aliases))
        for one in part:
            store.remove(one.asset, cleaning.model_type, one.data_version)
            log.info("%s[%s] %s: removed", one.asset, cleaning.model_type, one.data_version)


def _expected(aliases: dict[Alias, str]) -> dict[Alias, str | None]:
    names: tuple[Alias, ...] = ("current", "previous", "candidate")
    return {name: aliases.get(name) for name in names}


def _decision(cleaning: Cleaning, part: Sequence[RemovedArtifact]) -> Decision:
    size = sum(one.bytes for one in part)
    count = f"{len(part)} artifact{'s' if len(part) != 1 else ''}"
    return Decision(
        at=now_iso(),
        model_type=cleaning.model_type,
        kind="retention",
        verdict="change",
        subject="old artifacts",
        before=f"{count}, {size / 1e6:.1f} MB",
        after="removed",
        reasons=[
            f"Nothing in use rests on them, and they are older than {cleaning.keep_days:g} days.",
            f"{len(cleaning.kept)} artifacts stay, among them the newest {cleaning.keep} of each asset.",
        ],
        evidence={"removed": [f"{one.asset} {one.data_version}" for one in part], "bytes": size},
    )
