"""The search that ends with a proof: it agrees with trying everything."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.contracts import Artefact
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers.search.exhaustive import Budget, Refutation, find_artefact
from srl_pipeline.verification import Rule, Verifier, judge
from srl_pipeline_tests.teachers.tiny import first_scenario, rule, tiny_pack

VALUES = {"a": "xyz", "b": "xyz", "c": "xyz", "d": "xy"}


def ask(pack: Pack, judgements: int = 100_000) -> tuple[Artefact | Refutation | None, Budget]:
    verifier, budget = Verifier(pack), Budget(judgements, seconds=60)
    domains = {n: list(f.enum) for step in pack.spec.steps for n, f in step.fields.items()}  # type: ignore[union-attr]
    return find_artefact(verifier.rules.rules, domains, verifier.evidence(first_scenario(pack)), budget), budget


def holds(pack: Pack, rules: tuple[Rule, ...], artefact: Artefact) -> bool:
    evidence = Verifier(pack).evidence(first_scenario(pack), artefact)
    return all(judge(r, evidence) in (True, None) for r in rules)


def every_artefact() -> list[Artefact]:
    return [dict(zip(VALUES, chosen, strict=True)) for chosen in product(*VALUES.values())]


LAW = st.tuples(st.sampled_from("abcd"), st.sampled_from(["==", "!="]), st.sampled_from(["x", "y", "z", *"abcd"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(LAW, min_size=1, max_size=3), min_size=1, max_size=9))
def test_it_finds_an_artefact_exactly_when_there_is_one(laws: list[list[Any]]) -> None:
    def text(law: Any) -> str:
        field, sign, other = law
        return f"artefact.{field} {sign} " + (f"artefact.{other}" if other in VALUES else f"'{other}'")

    rules = [rule(f"r{i}", " || ".join(map(text, law))) for i, law in enumerate(laws)]
    with TemporaryDirectory() as folder:
        pack = tiny_pack(Path(folder) / "p", [{"a": "xyz", "b": "xyz"}, {"c": "xyz", "d": "xy"}], rules)
    found, _ = ask(pack)
    if isinstance(found, Refutation):
        assert not any(holds(pack, found.rules, artefact) for artefact in every_artefact())
    else:
        assert found is not None
        free = {name: values[0] for name, values in VALUES.items()}
        assert holds(pack, Verifier(pack).rules.rules, free | found)


def test_fields_that_have_nothing_to_do_with_a_contradiction_do_not_multiply_the_work(tmp_path: Path) -> None:
    between = {f"m{i}": "abcdefgh" for i in range(8)}  # 16,777,216 combinations
    loose = [rule(f"l{i}", f"artefact.a != 'y' || artefact.m{i} != 'a'") for i in range(8)]
    clash = [rule("p", "artefact.a == artefact.z"), rule("q", "artefact.a != artefact.z")]
    pack = tiny_pack(tmp_path / "p", [{"a": "xy"}, between, {"z": "xy"}], [*loose, *clash])
    found, budget = ask(pack)
    assert isinstance(found, Refutation)
    assert {r.id for r in found.rules} == {"p", "q"}
    assert budget.judgements > 99_000


def test_it_says_that_it_does_not_know_when_its_budget_ends(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz", "b": "xyz"}], [rule("n", "artefact.a + artefact.b == 'q'")])
    assert isinstance(ask(pack, judgements=9)[0], Refutation)  # 3 x 3 artefacts, each asked once
    assert ask(pack, judgements=8)[0] is None


def test_a_budget_of_no_time_is_spent_at_once(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "p", [{"a": "xyz"}], [rule("n", "artefact.a == 'x'")])
    verifier = Verifier(pack)
    evidence = verifier.evidence(first_scenario(pack))
    assert find_artefact(verifier.rules.rules, {"a": ["x"]}, evidence, Budget(100, seconds=-1.0)) is None
