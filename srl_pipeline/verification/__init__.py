"""Model C: the rule-driven verifier. Deterministic, and the only source of reward."""

from srl_pipeline.verification.examples import check_examples, split_actions
from srl_pipeline.verification.expressions import Evidence, Missing
from srl_pipeline.verification.pin import build_rule_set, pin_pack, pinned_pack
from srl_pipeline.verification.rules import Rule, RuleSet, words
from srl_pipeline.verification.scenarios import ScenarioSpace, valid_axes
from srl_pipeline.verification.verifier import SOFT_PENALTY, Verifier, artefact_of, judge

__all__ = [
    "SOFT_PENALTY",
    "Evidence",
    "Missing",
    "Rule",
    "RuleSet",
    "ScenarioSpace",
    "Verifier",
    "artefact_of",
    "build_rule_set",
    "check_examples",
    "judge",
    "pin_pack",
    "pinned_pack",
    "split_actions",
    "valid_axes",
    "words",
]
