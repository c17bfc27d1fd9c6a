"""From measured episodes to ranked weaknesses and regressions. Pure.

Weaknesses are ranked by their excess, n times effect: how many of the held-out failures the slice has more than it
would have at the rate that it is compared with. A small effect on many scenarios may so come before a large one on few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srl_pipeline.config.promotion import WeaknessConfig
from srl_pipeline.evaluation.latency import latency
from srl_pipeline.evaluation.results import Episode, EvaluationResults, StageResult
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.registry import Entry
from srl_pipeline.weaknesses.exact import difference
from srl_pipeline.weaknesses.figures import figures
from srl_pipeline.weaknesses.records import Weakness, Weaknesses
from srl_pipeline.weaknesses.regressions import OF_EPISODE, SAMPLES, regressions
from srl_pipeline.weaknesses.slices import Slice, mask_of, pair_slices, single_slices
from srl_pipeline.weaknesses.weak_rules import RuleTest, rule_tests, weak_rules
from srl_pipeline.weaknesses.weak_slices import WeakSlice, slice_tests, weak
from srl_pipeline.weaknesses.wording import against_words, rule_sentence, slice_sentence

ALIKE = "if all rules were alike"


@dataclass(frozen=True)
class Promoted:
    """The promoted model, as far as it is known.

    Attributes:
        version: Its data version; empty where none is promoted.
        result: Its answers on today's held-out scenarios; None where there are none.
        problem: Why there are none; else empty.
        figures: Its figures by the names of `tracking.METRICS`, from the history.
    """

    version: str = ""
    result: StageResult | None = None
    problem: str = ""
    figures: Mapping[str, float] | None = None


def detect(
    results: EvaluationResults,
    metrics: Mapping[str, float],
    promoted: Promoted,
    window: Sequence[Entry],
    settings: WeaknessConfig,
) -> Weaknesses:
    """Everything that is weak or worse.

    Args:
        results: What was measured; its last stage is looked at. Without an episode nothing is found.
        metrics: The figures of the evaluation.
        window: Earlier evaluations, oldest first.
    """
    stage = results.stages[-1] if results.stages else None
    episodes = stage.episodes if stage else []
    found, tested = weaknesses_of(episodes, results.skills, settings, results.confidence)
    worse, compared = (
        regressions(stage, promoted.result, settings, results.confidence) if stage and promoted.result else ([], 0)
    )
    known = {**(promoted.figures or {}), **(_measured(promoted.result) if promoted.result else {})}
    return Weaknesses(
        model_type=results.model_type,
        stage=stage.stage if stage else "",
        n=len(episodes),
        failures=sum(not e.correct for e in episodes),
        found=found,
        regressions=worse,
        figures=figures(metrics, known, window, settings),
        tested={**tested, "regression": compared},
        promoted=promoted.version,
        not_compared=_not_compared(promoted, worse_known=stage is not None and promoted.result is not None),
        settings=settings,
        versions=results.versions,
    )


def weaknesses_of(
    episodes: Sequence[Episode], skills: Mapping[str, str], settings: WeaknessConfig, confidence: float
) -> tuple[list[Weakness], dict[str, int]]:
    """The weak slices, most failures in excess first; and kind of slice -> how many were tested."""
    singles = single_slices(episodes, settings.min_scenarios)
    pairs = pair_slices(singles, settings.min_scenarios)
    level, failed = settings.false_discovery_rate, mask_of(not e.correct for e in episodes)
    tests = [slice_tests(family, failed, len(episodes), level) for family in (singles, pairs)]
    rules = rule_tests(episodes, skills, settings.min_scenarios, level)
    found = [_slice(one, episodes, confidence) for family in tests for one in weak(family, level, settings.min_effect)]
    found += [_rule(test, q, confidence) for test, q in weak_rules(rules, level, settings.min_effect)]
    kinds = Counter(test.slice.part.kind for family in tests for test in family)
    kinds.update(test.part.kind for test in rules)
    return sorted(found, key=lambda w: (-w.excess, w.p, w.sentence)), dict(sorted(kinds.items()))


def _slice(found: WeakSlice, episodes: Sequence[Episode], confidence: float) -> Weakness:
    one, compared = found.test.slice, found.test.compared
    n, failures, rest_n, rest_failures = compared.n, compared.failures, compared.rest_n, compared.rest_failures
    low, high = difference(failures, n, rest_failures, rest_n, confidence)
    against = against_words(compared.parent.part if compared.parent else None)
    return Weakness(
        part=one.part,
        n=n,
        failures=failures,
        against=against,
        against_n=rest_n,
        against_failures=rest_failures,
        effect=compared.effect,
        low=low,
        high=high,
        p=found.test.p,
        q=found.q,
        samples=_samples(one, episodes),
        sentence=slice_sentence(one.part, failures, n, against, rest_failures, rest_n),
    )


def _rule(test: RuleTest, q: float, confidence: float) -> Weakness:
    """The expected number is taken as known: the interval is that of the rate alone."""
    rate, expected = wilson(test.failures, test.n, confidence), test.expected / test.n
    assert rate.low is not None and rate.high is not None
    return Weakness(
        part=test.part,
        n=test.n,
        failures=test.failures,
        against=ALIKE,
        against_n=test.n,
        against_failures=test.expected,
        effect=test.effect,
        low=rate.low - expected,
        high=rate.high - expected,
        p=test.p,
        q=q,
        samples=test.failed[:SAMPLES],
        sentence=rule_sentence(test.part, test.failures, test.n, test.expected),
    )


def _samples(one: Slice, episodes: Sequence[Episode]) -> list[str]:
    """Scenarios of the slice that fail; those first whose transcript was kept."""
    failed = [e for i, e in enumerate(episodes) if one.mask >> i & 1 and not e.correct]
    return [e.scenario_id for e in sorted(failed, key=lambda e: not e.text)][:SAMPLES]


def _measured(result: StageResult) -> dict[str, float]:
    """The promoted model's figures as they were measured today."""
    n = len(result.episodes)
    found = {name: sum(map(of, result.episodes)) / n for name, of in OF_EPISODE.items()} if n else {}
    found["peak_memory_mb"] = result.peak_memory_mb
    if alone := latency(result.latencies, result.latency_tokens):
        found |= {
            "latency_p50_seconds": alone.p50,
            "latency_p95_seconds": alone.p95,
            "latency_p99_seconds": alone.p99,
        }
        if alone.tokens_per_second is not None:
            found["tokens_per_second"] = alone.tokens_per_second
    return found


def _not_compared(promoted: Promoted, *, worse_known: bool) -> str:
    if worse_known:
        return ""
    return promoted.problem or ("there is no other current model" if not promoted.version else "it was not evaluated")
