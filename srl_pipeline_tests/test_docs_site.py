"""The documentation as a whole: its navigation, its links, and the commands that it names."""

from __future__ import annotations

import importlib.util
import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml

from srl_pipeline_tests.docs_commands import Invocation, code_lines, faults, invocations

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^ *```.*?^ *``` *$\n?", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)
TARGET = re.compile(r"(?<!\\)\]\((?P<target>[^)\s]+)\)")


def _site_links() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_links", ROOT / "docs" / "site_links.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SITE = _site_links()
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
DOCUMENTS = ["README.md", *SITE.OUTSIDE, *PAGES]


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml: its tags name functions, which are of no concern here."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def _nav(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from _nav(value) if isinstance(value, list) else [value]


NAV = list(_nav(yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Loader)["nav"]))


@cache
def text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def anchors(file: str) -> frozenset[str]:
    """Anchors of a document's headings, as GitHub and the site (pymdownx.slugs) make them; repeated ones left out."""
    titles = [re.sub(r"`|\[([^\]]+)\]\([^)]*\)", r"\1", t) for t in HEADING.findall(FENCE.sub("", text(file)))]
    slugs = [re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles]
    return frozenset(slug for slug in slugs if slugs.count(slug) == 1)


def links(file: str) -> list[tuple[str, str]]:
    """Relative links of a document outside code: path from the repository's root, anchor."""
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text(file)))
    relative = [t for t in TARGET.findall(prose) if not re.match(r"[a-z]+:", t)]
    found = [target.partition("#") for target in relative]
    base = posixpath.dirname(file)
    return [(posixpath.normpath(posixpath.join(base, path)) if path else file, anchor) for path, _, anchor in found]


def test_every_page_is_in_the_navigation_once() -> None:
    pages = [page.removeprefix("docs/") for page in PAGES]
    assert sorted(NAV) == sorted([*pages, *SITE.OUTSIDE.values()])


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_relative_link_leads_somewhere(file: str) -> None:
    for path, anchor in links(file):
        assert (ROOT / path).exists(), f"{file}: {path} is not there"
        if anchor:
            assert anchor in anchors(path), f"{file}: {path} has no heading of its own for #{anchor}"


@pytest.mark.parametrize("file", [*SITE.OUTSIDE, *PAGES])
def test_a_page_links_only_to_what_the_site_has(file: str) -> None:
    for path, _ in links(file):
        assert path.startswith("docs/") or path in SITE.OUTSIDE, f"{file}: the site has no {path}; write it as code"


@pytest.mark.parametrize(
    ("source", "link", "rewritten"),
    [
        ("docs/aws.md", "[t](../infra/terraform/README.md#what)", "[t](terraform.md#what)"),
        ("docs/reference/index.md", "[t](../aws.md)", "[t](../aws.md)"),
        ("docs/reference/index.md", "[t](../../CHANGELOG.md)", "[t](../changelog.md)"),
        ("infra/terraform/README.md", "[t](../../docs/aws.md#a)", "[t](aws.md#a)"),
        ("CHANGELOG.md", "[t](https://keepachangelog.com/)", "[t](https://keepachangelog.com/)"),
        ("docs/report.md", "[t](#here)", "[t](#here)"),
    ],
)
def test_a_link_is_pointed_into_the_site(source: str, link: str, rewritten: str) -> None:
    assert SITE.in_site(link, source) == rewritten


@pytest.mark.parametrize("file", PAGES)
def test_every_fence_is_one_that_the_site_can_read(file: str) -> None:
    for line in re.findall(r"^ *```.*$", SITE.NOTE.sub(r"\1", text(file)), re.MULTILINE):
        assert re.fullmatch(r" *```\w*(?: title=\"[^\"]+\")?", line), f"{file}: {line}"


def test_a_heading_has_the_anchor_that_github_gives_it() -> None:
    assert "verified--not-verified" in anchors("docs/kubernetes.md")


@pytest.fixture(scope="module")
def commands() -> Any:
    from srl_pipeline.cli.app import app

    return typer.main.get_command(app)


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_command_that_is_named_exists_with_its_options(file: str, commands: Any) -> None:
    for invocation in invocations(text(file)):
        assert not faults(invocation, commands), f"{file}:{invocation.line}: {faults(invocation, commands)}"


def test_alternatives_are_commands_of_their_own() -> None:
    block = (
        "```\nsrl-pipeline packs list | check [TYPE]   # | no\nsrl-pipeline export TYPE [--merged | --with-base]\n```\n"
    )
    assert [" ".join(found.words) for found in invocations(block)] == [
        "packs list",
        "packs check TYPE",
        "export TYPE --merged",
        "export --with-base",
    ]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("rnu TYPE", "no command 'rnu'"),
        ("run TYPE --presett smoke", "run has no option '--presett'"),
        ("packs lsit", "packs has no command 'lsit'"),
        ("models", ""),
        ("packs new NAME --into FOLDER", ""),
        ("--help", ""),
    ],
)
def test_a_wrong_command_is_found(words: str, fault: str, commands: Any) -> None:
    assert faults(Invocation(1, tuple(words.split())), commands) == fault


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", text("Makefile"), re.MULTILINE))
    for file in DOCUMENTS:
        named = {
            found[1] for _, line in code_lines(text(file)) if (found := re.match(r" *make ([a-z][a-z0-9-]*)", line))
        }
        assert named <= targets, f"{file}: {named - targets}"


def test_what_builds_the_site_is_pinned() -> None:
    lines = [line for line in text("docs/requirements.txt").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line) for line in lines)
    assert {"mkdocs-material", "mkdocstrings-python", "griffe-pydantic"} <= {line.split("==")[0] for line in lines}
