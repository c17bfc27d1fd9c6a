from __future__ import annotations

from srl_pipeline.lore import chunk_document

from .tiny_world import document


def test_a_document_is_cut_at_its_headings() -> None:
    chunks = chunk_document(document("## Walls\nOf granite.\n\n## Roofs\nOf slate."), 90)
    assert [(c.id, c.heading) for c in chunks] == [("a#1", "Walls"), ("a#2", "Roofs")]


def test_prose_before_the_first_heading_is_a_chunk_of_its_own() -> None:
    chunks = chunk_document(document("It rains.\n\n## Roofs\nOf slate."), 90)
    assert [c.text for c in chunks] == ["Moss Vale: It rains.", "Moss Vale — Roofs: Of slate."]


def test_a_deeper_heading_does_not_cut() -> None:
    assert len(chunk_document(document("## Walls\nGranite.\n\n### Fine walls\nPolished."), 90)) == 1


def test_the_title_is_not_repeated_when_heading_and_body_name_it() -> None:
    (chunk,) = chunk_document(document("## Building law of the vale\nMoss is scraped off."), 90)
    assert chunk.text == "Building law of the vale: Moss is scraped off."


def test_a_plural_title_is_named_by_its_singular() -> None:
    (chunk,) = chunk_document(document("## Trade of the browser\nIt eats leaves.", title="Browsers"), 90)
    assert chunk.text.startswith("Trade of the browser: ")


def test_a_section_that_does_not_name_its_document_is_led_by_the_title() -> None:
    (chunk,) = chunk_document(document("## Building law\nWalls are of granite."), 90)
    assert chunk.text == "Moss Vale — Building law: Walls are of granite."


def test_a_long_section_is_cut_at_sentence_ends_and_loses_nothing() -> None:
    prose = " ".join(f"Sentence number {i} has exactly seven words." for i in range(40))
    chunks = chunk_document(document(f"## Long\n{prose}"), 30)
    bodies = [c.text.removeprefix("Moss Vale — Long: ") for c in chunks]
    assert all(len(body.split()) <= 30 and body.endswith(".") for body in bodies) and " ".join(bodies) == prose


def test_a_long_section_is_cut_into_parts_of_similar_length() -> None:
    prose = " ".join(["Four words stand here."] * 24)
    lengths = [len(c.text.split()) for c in chunk_document(document(f"## Long\n{prose}"), 90)]
    assert len(lengths) == 2 and max(lengths) - min(lengths) <= 4


def test_a_sentence_that_ends_in_a_quotation_keeps_its_quotation_mark() -> None:
    prose = " ".join(['He said "stay in the old house tonight." Then he left by the narrow door.'] * 4)
    assert sum(c.text.count('"') for c in chunk_document(document(f"## Talk\n{prose}"), 20)) == 8


def test_a_chunk_knows_which_facts_it_states() -> None:
    law, other = chunk_document(document("## Law\nGranite, 3 storeys.\n\n## Rain\nIt rains.", stone="granite", n=3), 90)
    assert (law.facts, other.facts, other.document_facts) == (("n", "stone"), (), ("n", "stone"))


def test_the_content_hash_changes_with_the_prose_alone_of_its_own_section() -> None:
    before = chunk_document(document("## Walls\nGranite.\n\n## Roofs\nSlate."), 90)
    after = chunk_document(document("## Walls\nGranite.\n\n## Roofs\nTurf."), 90)
    assert [a.content_hash == b.content_hash for a, b in zip(before, after, strict=True)] == [True, False]


def test_an_empty_section_gives_no_chunk() -> None:
    assert [c.heading for c in chunk_document(document("## Nothing\n\n## Roofs\nSlate."), 90)] == ["Roofs"]
