"""How often the weakness detector is wrong, and how often it finds what is there: simulated histories.

``python benchmarks/weaknesses.py [--histories N]``. The scenarios are the frozen held-out sets of two packs, with their
axes and bands as they are; only whether a scenario fails is drawn, independently. A **false** discovery is strict: any
slice but the planted one and, of a planted pair, its two values; so a slice that overlaps the planted one is false,
though it does fail more. What is planted is drawn anew for every history among the slices that are large enough.
Figures: ``docs/weaknesses.md``.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import WeaknessConfig
from srl_pipeline.evaluation.markdown import table
from srl_pipeline.evaluation.results import Episode, StageResult
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.registry import Entry
from srl_pipeline.verification import ScenarioSpace
from srl_pipeline.weaknesses.figures import REPORT, figures
from srl_pipeline.weaknesses.regressions import regressions
from srl_pipeline.weaknesses.slices import Slice, mask_of, pair_slices, single_slices
from srl_pipeline.weaknesses.weak_rules import rule_tests, weak_rules
from srl_pipeline.weaknesses.weak_slices import slice_tests, weak

PACKS = ("buildings", "sounds")
SIZES = (60, 100, 200)
PASS_RATES = (0.05, 0.3, 0.7)
EFFECTS = (0.2, 0.4)
Planted: TypeAlias = Literal["nothing", "value", "pair"]
PLANTED: dict[Planted, int] = {"value": 10, "pair": 8}
"""Kind of slice that is planted -> scenarios that it has at least."""
SETTINGS = WeaknessConfig()
APPLIES = 0.6
"""Share of the scenarios to which a rule applies."""
SLOW_EVERY = 5
"""Histories for one with rules or two models: those take many times as long."""


@dataclass(frozen=True)
class Measured:
    """Shares of the histories.

    Attributes:
        any_false: Of those with a false discovery.
        false_discovery_rate: The mean share of false ones among what was found; none found counts 0.
        power: Of those that found what was planted.
        near: Of those that found it, or one of the two values of a planted pair.
    """

    any_false: float
    false_discovery_rate: float
    power: float
    near: float


@dataclass(frozen=True)
class HeldOut:
    """The slices of the first scenarios of a pack's held-out set."""

    episodes: list[Episode]
    singles: list[Slice]
    pairs: list[Slice]

    def could_be_weak(self, kind: Planted) -> list[Slice]:
        """Slices of a kind that are large enough to be planted."""
        return [s for s in (*self.singles, *self.pairs) if s.part.kind == kind and s.n >= PLANTED[kind]]


def held_out(pack: str, n: int) -> HeldOut:
    """The first ``n`` scenarios of the frozen set of ``pack``."""
    space = ScenarioSpace(load_pack(pack))
    frozen = [space.scenario(axes, where=pack) for axes in space.pack.definition.evaluation.scenarios[:n]]
    episodes = [episode(s.id, axes=s.axes, band=s.band) for s in frozen]
    singles = single_slices(episodes, SETTINGS.min_scenarios)
    return HeldOut(episodes, singles, pair_slices(singles, SETTINGS.min_scenarios))


def episode(name: str, **values: object) -> Episode:
    """An episode that is right, but for ``values``."""
    right: dict[str, object] = {"axes": {}, "band": "easy", "correct": True, "format_ok": True, "reward": 1.0}
    empty: dict[str, object] = {"steps_ok": 0, "tokens": 0, "broken": [], "hard_broken": [], "considered": []}
    return Episode.model_validate({"scenario_id": name} | right | empty | values)


def simulate(
    scenarios: HeldOut, pass_rate: float, planted: Planted, effect: float, histories: int, seed: int
) -> Measured:
    """Weak slices found in ``histories`` evaluations in which one slice, or none, passes less by ``effect``."""
    rng = random.Random(seed_of("weaknesses", seed))
    candidates = scenarios.could_be_weak(planted) if planted != "nothing" else []
    n = len(scenarios.episodes)
    outcomes: list[tuple[int, int, bool, bool]] = []
    for _ in range(histories):
        target = rng.choice(candidates) if candidates else None
        there = target.mask if target else 0
        failed = mask_of(rng.random() >= pass_rate - effect * (there >> i & 1) for i in range(n))
        found = found_slices(scenarios, failed)
        own = (target, *target.parents) if target else ()
        near = [s for s in found if any(s is one for one in own)]
        outcomes.append((len(found) - len(near), len(found), any(s is target for s in found), bool(near)))
    return _measured(outcomes)


def found_slices(scenarios: HeldOut, failed: int) -> list[Slice]:
    """What the detector reports of one evaluation."""
    level, total = SETTINGS.false_discovery_rate, len(scenarios.episodes)
    families = (slice_tests(family, failed, total, level) for family in (scenarios.singles, scenarios.pairs))
    return [w.test.slice for family in families for w in weak(family, level, SETTINGS.min_effect)]


def simulate_rules(pack: Pack, n: int, broken: float, effect: float, histories: int, seed: int) -> Measured:
    """Weak rules and skills found where every rule is broken at the same rate, but for one by ``effect`` more.

    The skill of the planted rule is no false discovery.
    """
    skills = {rule.id: rule.skill for rule in pack.definition.rules.rules}
    rng = random.Random(seed_of("weak rules", seed))
    outcomes: list[tuple[int, int, bool, bool]] = []
    for _ in range(histories):
        target = rng.choice(list(skills)) if effect else ""
        episodes: list[Episode] = []
        for i in range(n):
            applied = [rule for rule in skills if rng.random() < APPLIES]
            wrong = [rule for rule in applied if rng.random() < broken + effect * (rule == target)]
            episodes.append(episode(str(i), considered=applied, broken=wrong))
        level = SETTINGS.false_discovery_rate
        tests = rule_tests(episodes, skills, SETTINGS.min_scenarios, level)
        found = [test.part.name for test, _ in weak_rules(tests, level, SETTINGS.min_effect)]
        near = [name for name in found if target and name in (target, skills[target])]
        outcomes.append((len(found) - len(near), len(found), target in found, bool(near)))
    return _measured(outcomes)


def simulate_regressions(
    scenarios: HeldOut, pass_rate: float, drop: float, histories: int, seed: int
) -> tuple[float, float]:
    """Shares of histories with a regression over all scenarios, and in a slice: the candidate passes less by ``drop``.

    Of the two models every scenario is solved or not independently.
    """
    rng = random.Random(seed_of("regressions", seed))
    overall = sliced = 0

    def stage(rate: float) -> StageResult:
        episodes = [e.model_copy(update={"correct": rng.random() < rate}) for e in scenarios.episodes]
        return StageResult(stage="rlvr", data_version="", episodes=episodes, seconds=0.0, peak_memory_mb=0.0)

    for _ in range(histories):
        found, _ = regressions(stage(pass_rate - drop), stage(pass_rate), SETTINGS, 0.95)
        overall += any(r.part is None for r in found)
        sliced += any(r.part is not None for r in found)
    return overall / histories, sliced / histories


def simulate_trend(n: int, pass_rate: float, drop: float, histories: int, seed: int) -> float:
    """Share of histories whose pass rate is an alarm against the window before, when it falls by ``drop``."""
    rng = random.Random(seed_of("trends", seed))
    alarms = 0

    def metrics(rate: float) -> dict[str, float]:
        return {"n": float(n), "pass_rate": sum(rng.random() < rate for _ in range(n)) / n}

    def entry(seq: int) -> Entry:
        about = {"asset": REPORT, "model_type": "simulated", "data_version": str(seq), "at": "", "inputs": {}}
        rest = {"seq": seq, "metrics": metrics(pass_rate), "failed_gates": [], "seconds": 0.0, "cost_usd": 0.0}
        return Entry.model_validate(about | rest)

    for _ in range(histories):
        window = [entry(seq) for seq in range(1, SETTINGS.window + 1)]
        found = figures(metrics(pass_rate - drop), {}, window, SETTINGS)
        alarms += any(figure.state == "alarm" for figure in found)
    return alarms / histories


def main(
    histories: Annotated[int, typer.Option(min=1, help="Simulated histories a row.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 1,
) -> None:
    """Print the tables of false discoveries and power as Markdown."""
    print(f"{histories:,} histories a row, seed {seed}, {SETTINGS!r}\n")
    grids = {(pack, n): held_out(pack, n) for pack in PACKS for n in SIZES}

    def rows(rates: Sequence[float], planted: Planted, effect: float) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for (pack, n), scenarios in grids.items():
            for rate in rates:
                one = simulate(scenarios, rate, planted, effect, histories, seed)
                shown = (one.any_false, one.false_discovery_rate, one.power, one.near)
                about = (pack, str(n), _percent(rate), planted, f"{effect:g}")
                found.append((*about, *(_percent(share) for share in shown)))
        return found

    columns = ("pack", "scenarios", "pass rate", "planted", "effect", "any false", "FDR", "power", "or its values")
    told = rows(PASS_RATES, "nothing", 0.0)
    for planted in PLANTED:
        for effect in EFFECTS:
            told += rows([rate for rate in (0.5, 0.7) if rate > effect], planted, effect)
    print("Slices\n\n" + table(columns, told) + "\n")
    _print_rest(grids, histories, seed)


def _print_rest(grids: dict[tuple[str, int], HeldOut], histories: int, seed: int) -> None:
    slow = max(1, histories // SLOW_EVERY)
    rules: list[tuple[str, ...]] = []
    for pack in PACKS:
        for n in (60, 200):
            for effect in (0.0, *EFFECTS):
                one = simulate_rules(load_pack(pack), n, 0.05, effect, slow, seed)
                shown = (one.any_false, one.false_discovery_rate, one.power)
                rules.append((pack, str(n), f"{effect:g}", *(_percent(share) for share in shown)))
    print(f"Rules and skills, each rule broken in 5 % of its scenarios ({slow:,} histories)\n")
    print(table(("pack", "scenarios", "effect", "any false", "FDR", "power"), rules) + "\n")
    changed: list[tuple[str, ...]] = []
    for (pack, n), scenarios in grids.items():
        for drop in (0.0, 0.1, 0.2):
            overall, sliced = simulate_regressions(scenarios, 0.7, drop, slow, seed)
            trend = simulate_trend(n, 0.7, drop, histories, seed)
            changed.append((pack, str(n), f"{drop:g}", *(_percent(share) for share in (overall, sliced, trend))))
    print(f"Against a model that solves 70 % (regressions: {slow:,} histories)\n")
    print(table(("pack", "scenarios", "drop", "regression over all", "in a slice", "alarm of the window"), changed))


def _measured(outcomes: Sequence[tuple[int, int, bool, bool]]) -> Measured:
    """Of (false, found, planted found, planted or its values found) of every history."""

    def share(of: Callable[[tuple[int, int, bool, bool]], float]) -> float:
        return sum(map(of, outcomes)) / len(outcomes)

    return Measured(
        any_false=share(lambda o: o[0] > 0),
        false_discovery_rate=share(lambda o: o[0] / o[1] if o[1] else 0.0),
        power=share(lambda o: o[2]),
        near=share(lambda o: o[3]),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    typer.run(main)
