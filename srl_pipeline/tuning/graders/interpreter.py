"""Interprets the syntax trees that `syntax` makes. Shipped to a vendor as text, as a part of `runtime`.

What a rule means is what the verifier's CEL library (common-expression-language) does with it, its oddities included.
"""

import json
import math
import re
from typing import Any

Names = dict[str, Any]
"""What a rule may name -> its value: double (float), int, bool, str, None, list or dict."""


class Missing(Exception):
    """The evidence that a rule needs is not there."""


class Unjudgeable(Exception):
    """A rule that cannot be evaluated on its evidence: the item is wrong, or the rule is. There is no reward then."""


def doubles(value: Any, longest: int) -> Any:
    """A JSON value with every number a double, as expressions see it; Unjudgeable for a list longer than that."""
    if isinstance(value, dict):
        return {key: doubles(inner, longest) for key, inner in value.items()}
    if isinstance(value, list):
        if len(value) > longest:
            raise Unjudgeable("a list of " + str(len(value)) + " items")
        return [doubles(inner, longest) for inner in value]
    return float(value) if _is_number(value) else value


def evaluate(node: list[Any], names: Names) -> Any:
    """The value of a syntax tree: double (float), int, bool, str, None, list or dict. Raises Missing, Unjudgeable."""
    return _KINDS[node[0]](names, *node[1:])


def truth(value: Any) -> bool:
    """A bool as it is; anything else is no answer to a condition."""
    if isinstance(value, bool):
        return value
    raise Unjudgeable("not true or false: " + repr(value))


def _name(names: Names, name: str) -> Any:
    if name not in names:
        raise Missing(name.replace("artefact__", "artefact.", 1))
    return names[name]


def _lookup(mapping: Any, key: Any) -> Any:
    if not isinstance(mapping, dict):
        raise Unjudgeable("nothing can be looked up in it: " + repr(mapping))
    if key in mapping:
        return mapping[key]
    raise Missing(key)


def _item(names: Names, of: list[Any], at: list[Any]) -> Any:
    value, index = evaluate(of, names), evaluate(at, names)
    if isinstance(value, list) and type(index) is int and 0 <= index < len(value):
        return value[index]
    if isinstance(value, dict) and isinstance(index, (bool, int)):
        raise Missing(json.dumps(index))  # the keys of all maps are words
    return _lookup(value, index if isinstance(index, str) else _refuse("no key or index", index))


def _has(names: Names, of: list[Any], field: str) -> bool:
    value = evaluate(of, names)
    return field in value if isinstance(value, dict) else _refuse("it has no fields", value)


def _either(decides: bool) -> Any:
    """CEL's || (True decides) and && (False): one side that decides does so even where the other is an error."""

    def run(names: Names, left: list[Any], right: list[Any]) -> bool:
        problem: Any = None
        try:
            if truth(evaluate(left, names)) is decides:
                return decides
        except (Missing, Unjudgeable) as error:
            problem = error
        second = evaluate(right, names)
        if second is not decides and problem is not None:
            raise problem
        return truth(second)

    return run


def _if(names: Names, condition: list[Any], then: list[Any], otherwise: list[Any]) -> Any:
    return evaluate(then if truth(evaluate(condition, names)) else otherwise, names)


def _minus(names: Names, of: list[Any]) -> Any:
    value = evaluate(of, names)
    if isinstance(value, bool):
        return not value
    return -value if _is_number(value) else _refuse("it has no negative", value)


def _equals(names: Names, left: list[Any], right: list[Any]) -> bool:
    return equal(evaluate(left, names), evaluate(right, names))


def equal(one: Any, other: Any) -> bool:
    """Equality in CEL: of any two values; numbers of both kinds are compared, a bool equals no number."""
    if _is_number(one) and _is_number(other):
        return float(one) == float(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    return type(one) is type(other) and one == other


def _compare(wanted: tuple[int, ...]) -> Any:
    def run(names: Names, left: list[Any], right: list[Any]) -> bool:
        one: Any = evaluate(left, names)
        other: Any = evaluate(right, names)
        if _is_number(one) and _is_number(other):
            one, other = float(one), float(other)
            if math.isnan(one) or math.isnan(other):
                raise Unjudgeable("not a number has no order")
        elif type(one) is not type(other) or not isinstance(one, (str, bool)):
            raise Unjudgeable("these have no order: " + repr(one) + ", " + repr(other))
        return ((one > other) - (one < other)) in wanted

    return run


def _in(names: Names, left: list[Any], right: list[Any]) -> bool:
    member, container = evaluate(left, names), evaluate(right, names)
    if isinstance(container, list):
        return any(equal(member, inner) for inner in container)
    if isinstance(container, dict) and isinstance(member, (str, bool, int)):
        return isinstance(member, str) and member in container
    return _refuse("it has no such members", container)


def _arithmetic(sign: str) -> Any:
    def run(names: Names, left: list[Any], right: list[Any]) -> Any:
        one, other = evaluate(left, names), evaluate(right, names)
        if type(one) is type(other):
            if type(one) is float:
                return _doubles_result(sign, one, other)
            if type(one) is int:
                return _ints_result(sign, one, other)
            if sign == "+" and isinstance(one, (str, list)):
                return one + other
        raise Unjudgeable("no " + sign + " for these: " + repr(one) + ", " + repr(other))

    return run


def _doubles_result(sign: str, one: float, other: float) -> float:
    if sign == "/" and other == 0:
        return one * math.copysign(math.inf, other)  # as doubles divide: infinite, or not a number
    return {"+": float.__add__, "-": float.__sub__, "*": float.__mul__, "/": float.__truediv__}[sign](one, other)


def _ints_result(sign: str, one: int, other: int) -> int:
    if sign == "/":
        if other == 0:
            raise Unjudgeable("a division by zero")
        result = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    else:
        result = {"+": one + other, "-": one - other, "*": one * other}[sign]
    return result if -(2**63) <= result < 2**63 else _refuse("too large", result)


def _each(names: Names, macro: str, name: str, over: list[Any], *bodies: list[Any]) -> Any:
    """The comprehensions. An error in a body ends them, unless they have ended before."""
    items = evaluate(over, names)
    if not isinstance(items, (list, dict)):
        raise Unjudgeable("it has no members: " + repr(items))
    scopes = [{**names, name: item} for item in items]
    if macro in ("exists", "all"):
        decides = macro == "exists"
        return decides if any(truth(evaluate(bodies[0], s)) is decides for s in scopes) else not decides
    if macro == "map":
        kept = scopes if len(bodies) == 1 else (s for s in scopes if truth(evaluate(bodies[0], s)))
        return [evaluate(bodies[-1], s) for s in kept]
    found = [s[name] for s in scopes if truth(evaluate(bodies[0], s))]
    return found if macro == "filter" else len(found) == 1


def _call(names: Names, function: str, *arguments: list[Any]) -> Any:
    return _apply(function, [evaluate(argument, names) for argument in arguments])


def _method(names: Names, function: str, target: list[Any], *arguments: list[Any]) -> Any:
    values = [evaluate(argument, names) for argument in arguments]  # the target comes last: its error does too
    return _apply(function, [evaluate(target, names), *values])


def _apply(function: str, values: list[Any]) -> Any:
    try:
        return _FUNCTIONS[function](*values)
    except (TypeError, ValueError) as error:
        raise Unjudgeable(function + ": " + str(error)) from error


def _size(value: Any) -> int:
    # the length of a text is that of its UTF-8, in this library of CEL
    return len(value.encode()) if isinstance(value, str) else len(value)


_DOUBLE = re.compile(r"[+-]?(?:inf(?:inity)?|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.IGNORECASE)


def _double(value: Any) -> float:
    if _is_number(value) or (isinstance(value, str) and _DOUBLE.fullmatch(value)):
        return float(value)
    return _refuse("no number", value)


def _spread(arguments: tuple[Any, ...]) -> list[Any]:
    return list(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], list) else list(arguments)


def _least(*arguments: Any) -> Any:
    return min(_spread(arguments))


def _greatest(*arguments: Any) -> Any:
    return max(_spread(arguments))


def _sum(*arguments: Any) -> Any:
    items = _spread(arguments)
    return sum(items) if all(_is_number(item) for item in items) else _refuse("not all of them are numbers", items)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _refuse(why: str, value: Any) -> Any:
    raise Unjudgeable(why + ": " + repr(value))


_FUNCTIONS: dict[str, Any] = {
    "size": _size,
    "double": _double,
    "contains": lambda text, part: str.__contains__(text, part),
    "startsWith": lambda text, part: str.startswith(text, part),
    "endsWith": lambda text, part: str.endswith(text, part),
    "math.abs": abs,
    "math.greatest": _greatest,
    "math.least": _least,
    "min": _least,
    "max": _greatest,
    "sum": _sum,
}
_KINDS: dict[str, Any] = {
    "value": lambda names, value: value,
    "name": _name,
    "field": lambda names, of, field: _lookup(evaluate(of, names), field),
    "has": _has,
    "item": _item,
    "list": lambda names, *items: [evaluate(item, names) for item in items],
    "map": lambda names, *pairs: {key: evaluate(value, names) for key, value in pairs},
    "if": _if,
    "||": _either(True),
    "&&": _either(False),
    "!": lambda names, of: not truth(evaluate(of, names)),
    "-": _minus,
    "==": _equals,
    "!=": lambda names, left, right: not _equals(names, left, right),
    "<": _compare((-1,)),
    "<=": _compare((-1, 0)),
    ">": _compare((1,)),
    ">=": _compare((0, 1)),
    "in": _in,
    "add": _arithmetic("+"),
    "subtract": _arithmetic("-"),
    "multiply": _arithmetic("*"),
    "divide": _arithmetic("/"),
    "each": _each,
    "call": _call,
    "method": _method,
}
"""The closed list of what a syntax tree is made of."""
