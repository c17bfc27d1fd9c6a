"""What stays and what goes: a pure function of manifests, of what is in use, and of the settings. It fails closed.

What is in use, what is young and the newest versions are kept, with everything that they rest on. Where that cannot be
told, because something rests on an artifact that is not there, nothing is planned at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from graphlib import CycleError, TopologicalSorter

from srl_pipeline.config import RetentionConfig
from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError
from srl_pipeline.retention.records import Node, Plan, node_of

WITHOUT_LINEAGE = frozenset({"leaderboard"})
"""Assets whose inputs are model types, not assets: a table of figures, for which nothing has to stay."""


def plan(manifests: Sequence[Manifest], needed: Mapping[Node, str], policy: RetentionConfig, now: datetime) -> Plan:
    """Plan the cleaning of one model type.

    Args:
        manifests: All that there are of it, in any order.
        needed: What is in use whatever its age, with the reason.

    Raises ArtifactError where an artifact rests on one that is not there, or on itself.
    """
    by_node = {node_of(m): m for m in manifests}
    inputs = {node: _inputs(manifest) for node, manifest in by_node.items()}
    _refuse_holes(inputs)
    order = _upstream_first(inputs)
    kept = _own_reasons(manifests, needed, policy, now)
    for node in reversed(order):  # whoever rests on something comes before it
        if node in kept:
            for below in inputs[node]:
                kept.setdefault(below, [f"{node.asset} {node.version} rests on it"])
    return Plan(kept, [node for node in reversed(order) if node not in kept])


def _inputs(manifest: Manifest) -> list[Node]:
    if manifest.asset in WITHOUT_LINEAGE:
        return []
    return [Node(asset, version) for asset, version in sorted(manifest.inputs.items())]


def _refuse_holes(inputs: Mapping[Node, Iterable[Node]]) -> None:
    for node, below in sorted(inputs.items()):
        for one in below:
            if one not in inputs:
                raise ArtifactError(
                    f"{node.asset} {node.version} rests on {one.asset} {one.version}, which is not there.",
                    where="lineage",
                    mend=f"Materialize {one.asset} again, or delete {node.asset} {node.version} and what rests on it.",
                )


def _upstream_first(inputs: Mapping[Node, Iterable[Node]]) -> list[Node]:
    try:
        return list(TopologicalSorter({node: inputs[node] for node in sorted(inputs)}).static_order())
    except CycleError as error:
        node: Node = error.args[1][0]
        raise ArtifactError(
            f"{node.asset} {node.version} rests on itself.",
            where="lineage",
            mend="Its manifest was altered: delete that artifact and what rests on it.",
        ) from error


def _own_reasons(
    manifests: Sequence[Manifest], needed: Mapping[Node, str], policy: RetentionConfig, now: datetime
) -> dict[Node, list[str]]:
    there = {node_of(m) for m in manifests}
    kept: dict[Node, list[str]] = {node: [why] for node, why in needed.items() if node in there}
    for number, manifest in _newest(manifests, policy.keep):
        kept.setdefault(node_of(manifest), []).append(
            "the newest" if number == 1 else f"number {number} from the newest"
        )
    for manifest in manifests:
        if _is_young(manifest, policy, now):
            kept.setdefault(node_of(manifest), []).append(f"younger than {policy.keep_days:g} days")
    return kept


def _newest(manifests: Sequence[Manifest], keep: int) -> Iterable[tuple[int, Manifest]]:
    """The newest of each asset; what failed a gate is counted by itself, so that it takes nobody's place."""
    groups: dict[tuple[str, bool], list[Manifest]] = {}
    for manifest in sorted(manifests, key=lambda m: (m.created_at, m.data_version), reverse=True):
        groups.setdefault((manifest.asset, bool(manifest.failed_gates)), []).append(manifest)
    for group in groups.values():
        yield from enumerate(group[:keep], start=1)


def _is_young(manifest: Manifest, policy: RetentionConfig, now: datetime) -> bool:
    """Also true of what comes from the future, and of a date that cannot be read: clocks go wrong."""
    try:
        made = datetime.fromisoformat(manifest.created_at)
    except ValueError:
        return True
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return now - made < timedelta(days=policy.keep_days) or made > now
