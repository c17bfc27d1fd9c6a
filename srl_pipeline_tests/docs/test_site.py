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

from srl_pipeline_tests.docs.markdown import FENCE, PROGRAM, blocks
from srl_pipeline_tests.docs.markdown import commands as commands_of
from srl_pipeline_tests.docs.notation import expand, faults

ROOT = Path(__file__).parents[2]
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
def app() -> Any:
    from srl_pipeline.cli.app import app

    return typer.main.get_command(app)


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_command_that_is_named_exists_with_its_options(file: str, app: Any) -> None:
    for command in commands_of(text(file)):
        if re.match(r"(\S+/)?srl-pipeline ", command.text):
            for meant in expand(command.text):
                assert not faults(meant, app), f"{file}:{command.line}: {faults(meant, app)}"


@pytest.mark.parametrize("file", DOCUMENTS)
def test_commands_stand_in_blocks_of_bash(file: str) -> None:
    for block in blocks(text(file)):
        if block.language != "bash":
            for line in block.body.splitlines():
                assert not PROGRAM.match(line), f"{file}:{block.line}: {line}"
    for line in FENCE.sub("", text(file)).splitlines():
        assert not (line.startswith("    ") and PROGRAM.match(line.strip())), f"{file}: {line}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x packs list | check [TYPE]", ["x packs list", "x packs check", "x packs check TYPE"]),
        (
            "x export TYPE [--merged | --with-base]",
            ["x export TYPE", "x export TYPE --merged", "x export TYPE --with-base"],
        ),
        ("x run [--preset a|b] [--json]", ["x run", "x run --preset a --json", "x run --preset b --json"]),
        ("x status | metrics", ["x status", "x metrics"]),
        ("x tunings [cancel KEY]", ["x tunings", "x tunings cancel KEY"]),
    ],
)
def test_our_notation_stands_for_commands(text: str, meant: list[str]) -> None:
    assert expand(text) == meant


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
def test_a_wrong_command_is_found(words: str, fault: str, app: Any) -> None:
    assert faults(f"srl-pipeline {words}", app) == fault


def test_the_readme_says_where_each_package_is() -> None:
    tree = next(block.body for block in blocks(text("README.md")) if block.body.startswith("srl_pipeline/\n"))
    packages = {folder.parent.name for folder in (ROOT / "srl_pipeline").glob("*/__init__.py")}
    assert packages <= set(re.findall(r"(\w+)/", tree))


def test_the_report_has_the_parts_by_which_it_is_explained() -> None:
    explained = text("docs/report.md").partition("## In five minutes")[2].partition("\n## ")[0]
    named = set(re.findall(r"(?<!\*)\*([A-Z][\w ]+)\*(?!\*)", explained)) - {"No measurable difference"}
    written = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "srl_pipeline/evaluation").glob("*.py"))
    assert len(named) > 6
    for part in named:
        assert f"## {part}" in written or f"*{part}*" in written, part


def test_what_builds_the_site_is_pinned() -> None:
    lines = [line for line in text("docs/requirements.txt").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line) for line in lines)
    assert {"mkdocs-material", "mkdocstrings-python", "griffe-pydantic"} <= {line.split("==")[0] for line in lines}
