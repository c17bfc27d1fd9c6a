"""Retrieval benchmark on WordNet: recall, latency and cost of the lore index, side by side with brute force.

``python benchmarks/retrieval.py [--quick] [--json FILE]``. What is a document, a question and relevant:
``benchmarks/search/corpus.py``; figures and how to repeat them: ``docs/retrieval.md``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# As the Makefile does, and before torch is loaded: threads that sleep at once or never halve the embedder's speed.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from benchmarks.search.corpus import make_questions, shuffled, take
from benchmarks.search.download import fetch
from benchmarks.search.measure import CorpusFigures, measure
from benchmarks.search.report import environment, show, to_json
from benchmarks.search.wordnet import read_synsets
from srl_pipeline.canonical import pretty
from srl_pipeline.config import LoreConfig, home
from srl_pipeline.errors import PipelineError
from srl_pipeline.lore import Embedder, load_embedder

SIZES, QUESTIONS = (10_000, 80_000), 1000
QUICK_SIZES, QUICK_QUESTIONS = (2_000,), 200
SEED = 1


def main(
    quick: Annotated[bool, typer.Option("--quick", help="2,000 documents and 200 questions: under a minute.")] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the figures into this file.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Keeps WordNet and the indexes; default: SRL_HOME/benchmarks.")
    ] = None,
    wordnet: Annotated[Path | None, typer.Option(help="Folder of WordNet's data files, instead of a download.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build and time indexes again that the cache holds.")
    ] = False,
) -> None:
    """Measure vector, full-text and hybrid search over WordNet's synsets against brute force."""
    cache = cache or home() / "benchmarks"
    folder, release = (wordnet, str(wordnet)) if wordnet else fetch(cache)
    where = environment(release)
    synsets = shuffled(read_synsets(folder), SEED)
    sizes, count = (QUICK_SIZES, QUICK_QUESTIONS) if quick else (SIZES, QUESTIONS)
    # Of the smallest corpus, so that all corpora are asked the same; no sentence is quoted twice in the largest.
    largest, smallest = take(synsets, max(sizes)), {s.id for s in take(synsets, min(sizes))}
    questions = [q for q in make_questions(largest, len(largest)) if q.document_id in smallest][:count]
    config = LoreConfig()
    embedder = load_embedder(config.embedder)
    _load_libraries(embedder)
    corpora: list[CorpusFigures] = []
    for size in sizes:
        print(f"Measuring {size:,} documents …", file=sys.stderr)
        corpora.append(
            measure(synsets, size, questions, cache=cache, config=config, embedder=embedder, again=rebuild, seed=SEED)
        )
    show(where, corpora)
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(pretty(to_json(where, corpora)), encoding="utf-8")


def _load_libraries(embedder: Embedder) -> None:
    """Have everything imported and warm before the clock counts: importing LanceDB alone takes seconds."""
    import lancedb  # noqa: F401  # pyright: ignore[reportUnusedImport]

    embedder.encode(["a", "first", "batch"])


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
