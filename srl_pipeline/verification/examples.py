"""A rule set is accepted only on evidence: gold passes, counter-examples fail as stated, every rule is exercised."""

from __future__ import annotations

from srl_pipeline.contracts import Action, Artefact, Scenario
from srl_pipeline.errors import PackError, RuleError
from srl_pipeline.model_types import Pack
from srl_pipeline.model_types.spec import Counter
from srl_pipeline.verification.scenarios import ScenarioSpace
from srl_pipeline.verification.verifier import Verifier


def check_examples(verifier: Verifier) -> None:
    """Raise PackError for the first example that does not behave as it says."""
    pack, space = verifier.pack, ScenarioSpace(verifier.pack)
    for gold in pack.definition.examples.gold:
        where = pack.place("gold", gold.id)
        broken = _broken(verifier, space.scenario(gold.scenario, where=where), gold.artefact, where)
        if broken:
            rule, message = next(iter(broken.items()))
            raise PackError(f"Gold {gold.id} breaks rule {rule}: {message}", where=where, mend="Mend example or rule.")
    rules = {rule.id for rule in verifier.rules.rules}
    for counter in pack.definition.examples.counter:
        where = pack.place("counter", counter.id)
        if counter.breaks not in rules:
            raise PackError(
                f"Counter-example {counter.id} names rule {counter.breaks!r}, which is none.",
                where=where,
                mend=f"Name one of {', '.join(sorted(rules))}.",
            )
        scenario, artefact = counter_case(space, counter, where)
        broken = _broken(verifier, scenario, artefact, where)
        if set(broken) != {counter.breaks}:
            raise PackError(
                f"Counter-example {counter.id} must break exactly {counter.breaks!r}; "
                f"it breaks {', '.join(sorted(broken)) or 'nothing'}.",
                where=where,
                mend="Change it so that only the named rule fails, or mend the rule.",
            )
    named = {c.breaks for c in pack.definition.examples.counter}
    for rule in verifier.rules.rules:
        if rule.id not in named:
            raise PackError(
                f"No counter-example breaks rule {rule.id!r}, so nothing shows that it works.",
                where=pack.place("rule", rule.id),
                mend="Add a counter-example that names it in 'breaks'.",
            )


def counter_case(space: ScenarioSpace, counter: Counter, where: str) -> tuple[Scenario, Artefact]:
    """Scenario and artefact of a counter-example, built from the gold one that it changes."""
    axes, artefact = dict(counter.scenario), counter.artefact
    if counter.from_:
        gold = next((g for g in space.pack.definition.examples.gold if g.id == counter.from_), None)
        if gold is None:
            raise PackError(f"There is no gold example {counter.from_!r}.", where=where, mend="Name a gold example.")
        axes, artefact = {**gold.scenario, **axes}, {**gold.artefact, **(artefact or {}), **counter.change}
    if artefact is None:
        raise PackError("It has neither 'from' nor 'artefact'.", where=where, mend="Give one of them.")
    return space.scenario(axes, where=where), artefact


def split_actions(pack: Pack, artefact: Artefact) -> list[Action]:
    """Cut an artefact into the actions of the pack's steps; fields of no step go to the last, where they fail."""
    known = {name for step in pack.spec.steps for name in step.fields}
    actions = [{k: artefact[k] for k in step.fields if k in artefact} for step in pack.spec.steps]
    actions[-1] |= {k: v for k, v in artefact.items() if k not in known}
    return actions


def _broken(verifier: Verifier, scenario: Scenario, artefact: Artefact, where: str) -> dict[str, str]:
    try:
        verdict = verifier.verify(scenario, split_actions(verifier.pack, artefact))
    except RuleError as error:
        raise RuleError(error.what, where=f"{error.where}, asked by {where}", mend=error.mend) from error
    return {v.rule_id: v.message for v in verdict.violations}
