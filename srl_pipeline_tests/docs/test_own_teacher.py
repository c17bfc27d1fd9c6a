"""docs/own-teacher.md, followed to the letter, with a local server in the place of the reader's."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline_tests.docs.markdown import blocks
from srl_pipeline_tests.docs.reader import Reader
from srl_pipeline_tests.vendors.expert import Expert
from srl_pipeline_tests.vendors.openai_server import OpenAIServer

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "own-teacher.md").read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
ENDPOINT, SECRET = "http://127.0.0.1:8000/v1", "what-the-server-asks-for"


def test_every_block_is_a_file_a_command_or_what_a_command_prints() -> None:
    for block in BLOCKS:
        assert block.language in ("bash", "text") or block.title, f"docs/own-teacher.md:{block.line} is never tried"


@pytest.mark.chain
@pytest.mark.timeout(900)  # six commands, each of which begins anew
def test_following_it_word_for_word_gives_every_output_that_it_shows(tmp_path: Path) -> None:
    with OpenAIServer(tmp_path / "log.jsonl", key=SECRET, answer=Expert("buildings", mistakes=0.0)) as server:
        reader = Reader("docs/own-teacher.md", tmp_path, files=tmp_path, given={}, instead={ENDPOINT: server.url})
        reader.follow([block for block in BLOCKS if not block.slow])
    assert server.invalid == []
    printed = {block.body: reader.printed[block.line] for block in BLOCKS if block.line in reader.printed}
    assert printed["srl-pipeline teach buildings --n 2\n"].count("verdict: correct") == 2
    assert all(what in printed["srl-pipeline spending\n"] for what in ("buildings", "my-server"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_model_type_is_trained_on_it_to_a_data_card(tmp_path: Path) -> None:
    with OpenAIServer(tmp_path / "log.jsonl", key=SECRET, answer=Expert("buildings", mistakes=0.0)) as server:
        reader = Reader("docs/own-teacher.md", tmp_path, files=tmp_path, given={}, instead={ENDPOINT: server.url})
        reader.follow([block for block in BLOCKS if block.language != "text" and "exit=" not in block.info])
    [*_, card] = reader.printed.values()
    assert "mine" in card
