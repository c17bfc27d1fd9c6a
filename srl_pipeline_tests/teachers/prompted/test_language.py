"""The language of an answer: foreign scripts and foreign little words, without false alarms on what packs say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from srl_pipeline.model_types import Pack, find_packs, load_pack
from srl_pipeline.teachers.prompted.injection import find_injection
from srl_pipeline.teachers.prompted.language import language_of
from srl_pipeline.verification import ScenarioSpace, Verifier


@pytest.mark.parametrize(
    "text",
    [
        "das Dach ist aus Schiefer, weil der Regen nicht durch die Ziegel kommen kann",
        "le toit est en ardoise parce que les tuiles ne sont pas dans la région",
        "el techo es de pizarra porque las tejas no se venden en la región",
        "il tetto è di ardesia perché le tegole non sono della regione",
        "o telhado é de ardósia porque as telhas não são da região",
        "het dak is van leisteen omdat de pannen niet uit deze streek zijn",
        "屋根は石板でなければならない",
        "η στέγη είναι από σχιστόλιθο",
        "крыша из сланца",
    ],
)
def test_another_language_is_noticed(text: str) -> None:
    assert language_of(load_pack("buildings")).problem(text)


@pytest.mark.parametrize(
    "text", ["", "slate", "slate; oak; 30 deg", "El Dorado's café lies on the Rue de la Paix.", "Größe 30"]
)
def test_names_and_loan_words_are_welcome(text: str) -> None:
    assert language_of(load_pack("buildings")).problem(text) is None


def test_a_pack_in_another_language_has_that_language(scaffold_pack: Pack) -> None:
    german = (
        "Die Laterne ist aus Eisen, und der Wächter trägt sie auf einer Stange. Das Öl wird in Krügen gekauft. " * 20
    )
    documents = {k: d.model_copy(update={"prose": german}) for k, d in scaffold_pack.documents.items()}
    language = language_of(replace(scaffold_pack, documents=documents))
    assert language.own == "de"
    assert language.problem("das Eisen ist von hier, und der Wind ist nicht stark") is None
    assert language.problem("it is made of iron, for the wind has no force in this town and on the sea")


@pytest.mark.parametrize("name", sorted(find_packs()))
def test_nothing_that_a_built_in_pack_or_its_expert_says_is_foreign(name: str) -> None:
    pack = load_pack(name)
    language = language_of(pack)
    prose = [line for d in pack.documents.values() for line in d.prose.splitlines()]
    verifier, space = Verifier(pack), ScenarioSpace(pack)
    reasoning: list[str] = []  # composed as the embedded expert composes it: of the clauses of rules
    for gold in pack.definition.examples.gold:
        scenario = space.scenario(gold.scenario, where="test")
        for step in range(len(pack.spec.steps)):
            clauses = [verifier.because(rule, scenario, gold.artefact) for rule in verifier.rules.at(step)]
            reasoning += [*clauses, "; ".join(clauses)]
    alarms = [(text, language.problem(text)) for text in [*prose, *reasoning] if language.problem(text)]
    assert alarms == []
    assert [text for text in reasoning if find_injection(text)] == []
