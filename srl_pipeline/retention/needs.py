"""What is in use of a model type, whatever its age: by decisions, history, tuning jobs and earlier generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import Alias, ArtifactStore, Decisions, History
from srl_pipeline.retention.records import Node, node_of

MODEL = "registered_model"
PAID = frozenset({"tuning_dataset", "tuned_teacher"})
"""Assets that rest on, or become, money at a vendor."""
_ALIASES: dict[Alias, str] = {
    "current": "the current model",
    "previous": "the model before the current one: a roll back needs it",
    "candidate": "a candidate that awaits its decision",
}
GENERATIONS = 4
"""Newest generations whose yields steer the next one."""


def needed(
    store: ArtifactStore,
    model_type: str,
    manifests: Sequence[Manifest],
    decisions: Decisions | None,
    history: History | None,
    keep: int,
) -> dict[Node, str]:
    """Artifact -> why it is in use. Sources that were never written are None.

    Raises ArtifactError where an alias names a model that is not there: what it rests on could not be told.
    """
    aliases = decisions.aliases(model_type) if decisions else {}
    by_node = {node_of(m): m for m in manifests}
    found: dict[Node, str] = {}
    for reasons in (
        _of_aliases(model_type, aliases, by_node),
        _latest(history, model_type, keep) if history else {},
        _for_novelty(manifests),
        _for_steering(manifests),
        _of_students(manifests),
        _paid(manifests),
        _of_tunings(store.home, model_type),
    ):
        for node, why in reasons.items():
            found.setdefault(node, why)
    return found


def _of_aliases(model_type: str, aliases: Mapping[Alias, str], by_node: Mapping[Node, Manifest]) -> dict[Node, str]:
    found: dict[Node, str] = {}
    for alias, why in _ALIASES.items():
        if alias not in aliases:
            continue
        node = Node(MODEL, aliases[alias])
        if node not in by_node:
            raise ArtifactError(
                f"The {alias} model of {model_type}, {node.version}, is not there: what it rests on cannot be told.",
                where=f"aliases of {model_type}",
                mend=f"See `srl-pipeline models {model_type}`; roll back, retire it, or make it again.",
            )
        found[node] = why
        if (card := by_node[node].notes.get("weaknesses")) is not None:
            found.setdefault(Node("weaknesses", str(card)), f"told in the card of {why.split(':')[0]}")
    return found


def _latest(history: History, model_type: str, keep: int) -> dict[Node, str]:
    """What was made or found again last. A run that found an old version rests on it, however old that is."""
    found: dict[str, list[str]] = {}
    for entry in reversed(history.all_entries(model_type)):
        versions = found.setdefault(entry.asset, [])
        if entry.data_version not in versions and len(versions) < keep:
            versions.append(entry.data_version)
    return {Node(asset, version): "among the last in use" for asset, versions in found.items() for version in versions}


def _for_novelty(manifests: Sequence[Manifest]) -> dict[Node, str]:
    """Every earlier trajectory is read when a generation is drawn, so that nothing is told twice."""
    usable = [m for m in manifests if m.asset == "trajectories" and not m.failed_gates]
    return {node_of(m): "no later generation may repeat it" for m in usable}


def _for_steering(manifests: Sequence[Manifest]) -> dict[Node, str]:
    """What was measured of the newest generations, and of the newest that was trained to the end.

    The same artifacts as `srl_pipeline.generation.drawing.earlier` finds, by whatever number the next generation has.
    """
    made: dict[str, list[Manifest]] = {}
    for manifest in sorted(manifests, key=lambda m: (m.created_at, m.data_version)):
        if not manifest.failed_gates:
            made.setdefault(manifest.asset, []).append(manifest)

    def newest(asset: str, source: Node) -> Manifest | None:
        resting = (m for m in reversed(made.get(asset, [])) if m.inputs.get(source.asset) == source.version)
        return next(resting, None)

    def report_of(trajectories: Manifest) -> Manifest | None:
        rlvr = newest("rlvr_checkpoint", node_of(trajectories))
        return newest("eval_report", node_of(rlvr)) if rlvr else None

    numbered = [(number, m) for m in made.get("trajectories", []) if (number := generation_of(m)) is not None]
    numbered.sort(key=lambda item: (item[0], item[1].created_at, item[1].data_version))
    trained = [m for _, m in numbered if newest("rlvr_checkpoint", node_of(m))]
    found: dict[Node, str] = {}
    for trajectories in [*(m for _, m in numbered[-GENERATIONS:]), *trained[-1:]]:
        source = node_of(trajectories)
        report = report_of(trajectories)
        weaknesses = newest("weaknesses", node_of(report)) if report else None
        made_from_it = (newest(a, source) for a in ("verified_rewards", "srl_checkpoint", "rlvr_checkpoint"))
        for one in (*made_from_it, report, weaknesses):
            if one is not None:
                found[node_of(one)] = f"steers what comes after generation {generation_of(trajectories)}"
    for number in {number for number, _ in numbered[-GENERATIONS:]}:  # what each gained is told against the one before
        before = [r for n, m in numbered if n == number - 1 and (r := report_of(m)) and "pass_rate" in r.metrics]
        for report in before[-1:]:
            found.setdefault(node_of(report), f"what generation {number} gained is told against it")
    return found


def generation_of(trajectories: Manifest) -> int | None:
    """The number of a generation; None where the manifest says none."""
    settings = trajectories.config.get("generation")
    number = settings.get("generation") if isinstance(settings, dict) else None
    return number if isinstance(number, int) else None


def _of_students(manifests: Sequence[Manifest]) -> dict[Node, str]:
    """The newest report of each student: the next choice among students is made on them."""
    newest: dict[str, Manifest] = {}
    for manifest in sorted(manifests, key=lambda m: (m.created_at, m.data_version)):
        student = manifest.config.get("student") if manifest.asset == "eval_report" else None
        name = student.get("name") if isinstance(student, dict) else None
        if isinstance(name, str) and not manifest.failed_gates:
            newest[name] = manifest
    return {node_of(m): f"the newest report of the student {Path(name).name}" for name, m in newest.items()}


def _paid(manifests: Sequence[Manifest]) -> dict[Node, str]:
    """What cost money at a vendor. A checkpoint's cost is this machine's time: it can be made again."""
    bought = [m for m in manifests if m.asset in PAID or (m.asset == "trajectories" and m.cost_usd > 0)]
    return {node_of(m): "paid for at a vendor" for m in bought}


def _of_tunings(home: Path, model_type: str) -> dict[Node, str]:
    from srl_pipeline.tuning.job_store import has_jobs, open_jobs_store

    if not has_jobs(home):
        return {}
    with closing(open_jobs_store(home)) as jobs:
        return {Node("tuning_dataset", job.dataset): f"tuning job {job.key}" for job in jobs.jobs(model_type)}
