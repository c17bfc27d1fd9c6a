"""Test-only: does a set of IAM policies allow a request? The part of AWS's rules that our policies use.

Deny beats Allow; nothing said is Deny. Actions match without regard to case, resources with it; ``*`` and ``?`` are
wildcards in both. Statements with NotAction, NotResource or an operator that is not known here raise, as does a
condition on a key with a ForAnyValue or IfExists qualifier: what cannot be judged is never taken for granted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

Policy: TypeAlias = Mapping[str, Any]
Decision: TypeAlias = Literal["allow", "explicit deny", "implicit deny"]
KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}


def decide(policies: Sequence[Policy], action: str, resource: str, context: Mapping[str, str]) -> Decision:
    """What one account decides about a request, by all policies that apply to it.

    Principals of resource policies are taken to match: pass only those of the resource that is asked for.
    """
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in as_list(policy["Statement"])
        if applies(statement, action, resource, context)
    }
    return "explicit deny" if "Deny" in effects else "allow" if "Allow" in effects else "implicit deny"


def applies(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a statement speaks of this request."""
    if unknown := set(statement) - KNOWN:
        raise ValueError(f"a statement with {sorted(unknown)} is not understood")
    return (
        any(matches(pattern.lower(), action.lower()) for pattern in as_list(statement["Action"]))
        and any(matches(pattern, resource) for pattern in as_list(statement["Resource"]))
        and all(
            _holds(operator, key, as_list(wanted), context)
            for operator, pairs in statement.get("Condition", {}).items()
            for key, wanted in pairs.items()
        )
    )


def matches(pattern: str, text: str) -> bool:
    """AWS's wildcards: ``*`` any characters, also none, ``?`` exactly one."""
    if "${" in pattern:
        raise ValueError(f"policy variables are not understood: {pattern}")
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


def _holds(operator: str, key: str, wanted: Sequence[str], context: Mapping[str, str]) -> bool:
    """One line of a condition: any of the wanted values. A key that the request has not makes it false."""
    if operator not in OPERATORS:
        raise ValueError(f"condition operator {operator} is not understood")
    lowered = {name.lower(): value for name, value in context.items()}
    if key.lower() not in lowered:
        return False
    return any(OPERATORS[operator](value, lowered[key.lower()]) for value in wanted)


def _arn_matches(pattern: str, arn: str) -> bool:
    """Part by part: a wildcard of an ARN does not reach over a colon, save in the last part."""
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) == 6 and all(map(matches, wanted, found))


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": matches,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "ArnEquals": _arn_matches,  # AWS lets both take wildcards
    "ArnLike": _arn_matches,
}


def as_list(value: Any) -> list[Any]:
    """AWS writes a list of one as its element."""
    return value if isinstance(value, list) else [value]
