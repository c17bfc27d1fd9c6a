"""A pack's CEL expression as a small JSON syntax tree that `interpreter` interprets.

A tree is ``[kind, …]`` with the kinds of ``interpreter._KINDS``. What it cannot judge exactly like the verifier's
CEL library is refused here, so that nothing is found out while a vendor trains.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, cast

from srl_pipeline.errors import TuningError
from srl_pipeline.verification.expressions import MAX_LENGTH, Expression

if TYPE_CHECKING:
    from lark import Token, Tree

    Branch: TypeAlias = "Tree[Token] | Token"

Node: TypeAlias = list[Any]
"""``[kind, …]``; see `interpreter`."""

_MANY: Final = MAX_LENGTH
_FUNCTIONS: Final = {
    "size": (1, 1),
    "double": (1, 1),
    "math.abs": (1, 1),
    "math.greatest": (1, _MANY),
    "math.least": (1, _MANY),
    "min": (1, _MANY),
    "max": (1, _MANY),
    "sum": (1, _MANY),
}
"""Name -> least and most arguments."""
_METHODS: Final = {
    "size": (0, 0),
    "min": (0, _MANY),
    "max": (0, _MANY),
    "sum": (0, _MANY),
    "contains": (1, 1),
    "startsWith": (1, 1),
    "endsWith": (1, 1),
}
_MACROS: Final = {"exists": (2, 2), "all": (2, 2), "exists_one": (2, 2), "filter": (2, 2), "map": (2, 3)}
_OPERATORS: Final = {
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_in": "in",
    "addition_add": "add",
    "addition_sub": "subtract",
    "multiplication_mul": "multiply",
    "multiplication_div": "divide",
}
_PREFIXES: Final = {"unary_not": "!", "unary_neg": "-"}
_LEVELS: Final = frozenset(
    ("expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary")
)
"""Rules of the grammar that, with one child, are that child."""


def parse_expression(expression: Expression) -> Node:
    """The tree of ``expression``; raises TuningError for what a compiled grader cannot judge like the verifier."""
    from celpy.celparser import CELParseError

    try:
        tree = _parser().parse(expression.program.source)
    except CELParseError as error:
        reason = str(error.args[0]).strip()
        raise TuningError(
            f"{expression.source!r} cannot be compiled for a grader: it is not read at\n{reason}",
            where=expression.where,
            mend="Write it plainly; no comma after the last member of a list.",
        ) from error
    known = frozenset({"scenario", "facts", *(f"artefact__{field}" for field in expression.fields)})
    return _Reader(expression).read(tree, known)


@cache
def _parser() -> Any:
    from celpy.celparser import CELParser

    return CELParser()


def _halved(operator: str, terms: list[Node]) -> Node:
    """A chain as the verifier's library takes it, halved again and again: it decides which of two errors is told."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2 + len(terms) % 2
    return [operator, _halved(operator, terms[:half]), _halved(operator, terms[half:])]


class _Reader:
    """Turns the parser's trees into ours."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression

    def read(self, branch: Branch, names: frozenset[str]) -> Node:
        """The tree of ``branch``, in which ``names`` are known."""
        tree = cast("Tree[Token]", branch)
        kind, children = str(tree.data), tree.children
        if kind in _LEVELS:
            return self._operation(kind, children, names)
        if kind in ("member", "primary", "paren_expr"):
            return self.read(children[0], names)
        if kind == "literal":
            return ["value", self._literal(cast("Token", children[0]))]
        if kind == "ident":
            return self._name(str(children[0]), names)
        if kind == "list_lit":
            return ["list", *(self._no_map(node, "in a list") for node in self._list(children, 0, names))]
        if kind == "map_lit":
            return ["map", *self._pairs(children, names)]
        if kind == "member_dot":
            return ["field", self._target(children[0], names), str(children[1])]
        if kind == "member_index":
            return ["item", self._target(children[0], names), self.read(children[1], names)]
        if kind == "ident_arg":
            return self._function(str(children[0]), children, names)
        if kind == "member_dot_arg":
            return self._method(children, names)
        return self._refuse(f"a construct that graders do not have ({kind})", "Use what docs/packs.md describes.")

    def _operation(self, kind: str, children: list[Branch], names: frozenset[str]) -> Node:
        if len(children) == 1:
            return self.read(children[0], names)
        if kind == "expr":
            return ["if", *(self.read(child, names) for child in children)]
        if kind in ("conditionalor", "conditionaland"):
            return self._logical("||" if kind == "conditionalor" else "&&", kind, children, names)
        head = cast("Tree[Token]", children[0])
        if kind == "unary":
            return self._prefixed(_PREFIXES[str(head.data)], cast("Tree[Token]", children[1]), names)
        if head.data not in _OPERATORS:
            return self._refuse("%", "Every number is a double, and doubles have no remainder.")
        return [_OPERATORS[str(head.data)], self.read(head.children[0], names), self.read(children[1], names)]

    def _logical(self, operator: str, kind: str, children: list[Branch], names: frozenset[str]) -> Node:
        terms: list[Node] = []
        while True:
            first, last = (cast("Tree[Token]", child) for child in children)
            terms.insert(0, self.read(last, names))
            if str(first.data) != kind or len(first.children) == 1:
                return _halved(operator, [self.read(first, names), *terms])
            children = first.children

    def _prefixed(self, prefix: str, tree: Tree[Token], names: frozenset[str]) -> Node:
        """``!x`` or ``-x``. Two of them side by side are nothing at all to the verifier's library, whatever x is."""
        signs = 1
        while len(tree.children) > 1:
            if _PREFIXES[str(cast("Tree[Token]", tree.children[0]).data)] != prefix:
                self._refuse("! beside -", "Put brackets between them.")
            signs, tree = signs + 1, cast("Tree[Token]", tree.children[1])
        of = self.read(tree, names)
        return [prefix, of] if signs % 2 else of

    def _literal(self, token: Token) -> bool | int | float | str | None:
        if token.type in ("BOOL_LIT", "NULL_LIT"):
            return {"true": True, "false": False, "null": None}[token.value]
        if token.type == "FLOAT_LIT":
            return float(token.value)
        if token.type == "INT_LIT" and "x" not in token.value:
            return int(token.value)
        if token.type == "STRING_LIT" and "\\" not in token.value:
            return token.value[1:-1]
        return self._refuse(f"the literal {token.value}", "Write decimal numbers, and words without a backslash.")

    def _name(self, name: str, names: frozenset[str]) -> Node:
        if name not in names:
            self._refuse(f"the name {name!r} where nothing is called so", "Name an axis, a fact or a field.")
        return ["name", name]

    def _pairs(self, children: list[Branch], names: frozenset[str]) -> list[list[Any]]:
        members = self._list(children, 0, names)
        pairs: list[list[Any]] = []
        for key, value in zip(members[::2], members[1::2], strict=True):
            if key[0] != "value" or not isinstance(key[1], str):
                self._refuse("a key of a mapping that is no plain word", "Write keys as quoted words.")
            pairs.append([key[1], self._no_map(value, "in another")])
        return pairs

    def _function(self, name: str, children: list[Branch], names: frozenset[str]) -> Node:
        arguments = self._list(children, 1, names)
        if name == "has":
            if len(arguments) == 1 and arguments[0][0] == "field":
                return ["has", *arguments[0][1:]]
            self._refuse("has() of no field", "Write has(facts.<axis>.<fact>).")
        self._count(f"{name}()", _FUNCTIONS, name, len(arguments))
        return self._call(name, arguments)

    def _method(self, children: list[Branch], names: frozenset[str]) -> Node:
        name = str(children[1])
        if self._is_math(children[0]):
            arguments = self._list(children, 2, names)
            self._count(f"math.{name}()", _FUNCTIONS, f"math.{name}", len(arguments))
            return self._call(f"math.{name}", arguments)
        target = self._target(children[0], names)
        if name in _MACROS:
            return self._comprehension(name, target, children, names)
        arguments = self._list(children, 2, names)
        self._count(f".{name}()", _METHODS, name, len(arguments))
        return self._call(name, [target, *arguments], kind="method")

    def _target(self, branch: Branch, names: frozenset[str]) -> Node:
        """What a field, an index or a method belongs to."""
        target = self.read(branch, names)
        if target[0] == "value" and isinstance(target[1], (int, float)):
            # the two parsers do not agree on what the sign of `- 1.max(2)` belongs to
            self._refuse("a number with something of its own", "Put the number between brackets of a call: max(1, 2).")
        return target

    def _comprehension(self, macro: str, over: Node, children: list[Branch], names: frozenset[str]) -> Node:
        given = cast("Tree[Token]", children[2]).children if len(children) > 2 else []
        self._count(f".{macro}()", _MACROS, macro, len(given))
        name = str(next(cast("Tree[Token]", given[0]).scan_values(lambda _: True)))
        if name == "math" or name in names:
            self._refuse(f"{name!r} for a member", "Call it by a name that means nothing else.")
        # In the order of its keys a mapping is not the same twice, so only lists are gone through.
        self._no_map(over, "that is gone through")
        bodies = [self.read(body, names | {name}) for body in given[1:]]
        if macro == "map":
            self._no_map(bodies[-1], "in a list")
        return ["each", macro, name, over, *bodies]

    def _call(self, name: str, arguments: list[Node], kind: str = "call") -> Node:
        if name != "size":
            for argument in arguments:
                self._no_map(argument, f"in {name}()")
        return [kind, name, *arguments]

    def _list(self, children: list[Branch], start: int, names: frozenset[str]) -> list[Node]:
        """The members of a list, a mapping or a call: the children of the one child from ``start`` on, if any."""
        parts = cast("Tree[Token]", children[start]).children if len(children) > start else []
        return [self.read(part, names) for part in parts]

    @staticmethod
    def _is_math(branch: Branch) -> bool:
        """Whether it is the bare word ``math``: the namespace of functions."""
        while getattr(branch, "data", None) in ("member", "primary", "ident"):
            branch = cast("Tree[Token]", branch).children[0]
        return branch == "math"

    def _no_map(self, node: Node, place: str) -> Node:
        """``node``, which yields no mapping: so what lists and mappings hold never is one."""
        if node[0] == "map":
            self._refuse(f"a mapping {place}", "Use a mapping only to look a word up in it: {…}[artefact.<field>].")
        if node[0] == "if":
            for choice in node[2:]:
                self._no_map(choice, place)
        return node

    def _count(self, shown: str, known: dict[str, tuple[int, int]], name: str, given: int) -> None:
        if name not in known:
            self._refuse(shown, f"Graders have {', '.join((*_FUNCTIONS, *_METHODS, *_MACROS, 'has'))}.")
        least, most = known[name]
        if not least <= given <= most:
            self._refuse(f"{shown} with {given} arguments", f"Give it {least}." if least == most else "Mend the call.")

    def _refuse(self, thing: str, mend: str) -> NoReturn:
        raise TuningError(
            f"{self._expression.source!r} uses {thing}; a compiled grader has none.",
            where=self._expression.where,
            mend=f"{mend} Or tune by another method than reinforcement.",
        )
