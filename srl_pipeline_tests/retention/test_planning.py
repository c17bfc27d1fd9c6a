"""The plan of a cleaning: whatever rests on whatever, what is in use stays with all that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.config import RetentionConfig
from srl_pipeline.contracts import Gate, Manifest
from srl_pipeline.errors import ArtifactError
from srl_pipeline.retention import Node, plan

NOW = datetime(2026, 12, 1, tzinfo=UTC)
STRICT = RetentionConfig(keep=1, keep_days=0)
FEW = settings(max_examples=60, deadline=None)
Case: TypeAlias = tuple[list[Manifest], dict[Node, str], RetentionConfig]
ASSETS = ("clay", "pots", "ovens", "meals")


def manifest(asset: str, version: str, inputs: dict[str, str], days_old: float = 100, passed: bool = True) -> Manifest:
    return Manifest(
        asset=asset,
        model_type="lanterns",
        data_version=version,
        inputs=inputs,
        config={},
        seeds={},
        code_version="c",
        created_at=(NOW - timedelta(days=days_old)).isoformat(),
        seconds=0.0,
        gates=[Gate(name="good", passed=passed)],
        metrics={},
        cost_usd=0.0,
        digests={},
    )


@st.composite
def installations(draw: st.DrawFn) -> Case:
    """Artifacts of several assets that rest on earlier ones in any way, any of them in use, any settings."""
    made: list[Manifest] = []
    for number in range(draw(st.integers(0, 16))):
        asset = draw(st.sampled_from(ASSETS))
        below = draw(st.lists(st.sampled_from(made), max_size=4)) if made else []
        inputs = {m.asset: m.data_version for m in below}
        days = draw(st.floats(-5, 200, allow_nan=False))
        made.append(manifest(asset, f"v{number}", inputs, days, draw(st.booleans())))
    used = draw(st.lists(st.sampled_from(made), max_size=5)) if made else []
    needed = {Node(m.asset, m.data_version): "promoted" for m in used}
    needed |= {Node("pots", "lost"): "in the history, and removed by hand"} if draw(st.booleans()) else {}
    policy = RetentionConfig(keep=draw(st.integers(1, 4)), keep_days=draw(st.floats(0, 150)))
    return draw(st.permutations(made)), needed, policy


def ancestors(by_node: Mapping[Node, Manifest], node: Node) -> set[Node]:
    """Found by another way than the plan does: by following inputs one by one."""
    found, left = set[Node](), [node]
    while left:
        for asset, version in by_node[left.pop()].inputs.items():
            if (below := Node(asset, version)) not in found:
                found.add(below)
                left.append(below)
    return found


@FEW
@given(installations())
def test_no_ancestor_of_what_is_in_use_goes(case: Case) -> None:
    manifests, needed, policy = case
    by_node = {Node(m.asset, m.data_version): m for m in manifests}
    planned = plan(manifests, needed, policy, NOW)
    for node in needed.keys() & by_node.keys():
        assert node in planned.kept
        assert not ancestors(by_node, node) & set(planned.removed)


@FEW
@given(installations())
def test_what_goes_goes_before_what_it_rests_on_and_all_else_stays_for_a_reason(case: Case) -> None:
    manifests, needed, policy = case
    there = {Node(m.asset, m.data_version): m for m in manifests}
    planned = plan(manifests, needed, policy, NOW)
    for gone in planned.removed:
        del there[gone]
        for one in there.values():
            assert all(Node(asset, version) in there for asset, version in one.inputs.items())
    assert there.keys() == planned.kept.keys() and all(planned.kept.values())
    assert plan(list(there.values()), needed, policy, NOW).removed == []


@FEW
@given(installations())
def test_the_newest_and_the_young_stay(case: Case) -> None:
    manifests, needed, policy = case
    kept = plan(manifests, needed, policy, NOW).kept
    for asset in ASSETS:
        whole = [m for m in manifests if m.asset == asset and not m.failed_gates]
        newest = sorted(whole, key=lambda m: (m.created_at, m.data_version))[-policy.keep :]
        assert all(Node(asset, m.data_version) in kept for m in newest)
    young = [m for m in manifests if NOW - datetime.fromisoformat(m.created_at) < timedelta(days=policy.keep_days)]
    assert all(Node(m.asset, m.data_version) in kept for m in young)


def test_each_thing_says_why_it_stays() -> None:
    old, new = manifest("clay", "a", {}), manifest("clay", "b", {}, days_old=99)
    pot = manifest("pots", "p", {"clay": "a"}, days_old=98)
    kept = plan([old, new, pot], {Node("pots", "p"): "the current model"}, STRICT, NOW).kept
    assert kept[Node("pots", "p")] == ["the current model", "the newest"]
    assert kept[Node("clay", "a")] == ["pots p rests on it"]
    assert kept[Node("clay", "b")] == ["the newest"]


def test_what_failed_takes_no_place_from_what_passed() -> None:
    good, bad = manifest("clay", "good", {}), manifest("clay", "bad", {}, days_old=1, passed=False)
    assert plan([good, bad], {}, STRICT, NOW).removed == []


def test_a_hole_in_a_lineage_is_an_error_that_names_it() -> None:
    with pytest.raises(ArtifactError, match=r"pots p rests on clay a, which is not there"):
        plan([manifest("pots", "p", {"clay": "a"})], {}, STRICT, NOW)


def test_a_lineage_in_a_circle_is_an_error() -> None:
    circle = [manifest("pots", "p", {"clay": "a"}), manifest("clay", "a", {"pots": "p"})]
    with pytest.raises(ArtifactError, match="rests on itself"):
        plan(circle, {}, STRICT, NOW)


@pytest.mark.parametrize("created", ["yesterday", "2027-06-01T00:00:00+00:00", "2099-01-01T00:00:00"])
def test_what_has_no_past_date_stays(created: str) -> None:
    strange = manifest("clay", "a", {}).model_copy(update={"created_at": created})
    newer = manifest("clay", "z", {}).model_copy(update={"created_at": "zzz"})
    assert plan([strange, newer], {}, STRICT, NOW).removed == []


def test_a_table_of_all_model_types_holds_nothing_back() -> None:
    tables = [
        manifest("leaderboard", version, {"trees": version}, days_old=age) for version, age in (("a", 9), ("b", 8))
    ]
    assert plan(tables, {}, STRICT, NOW).removed == [Node("leaderboard", "a")]
