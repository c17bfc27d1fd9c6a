"""What the site reads differently from the repository's web page: a hook of MkDocs.

Pages that lie outside ``docs/`` are read where they are and links are rewritten, so one relative link serves both and
no file is kept twice. What the tests note behind a fence (``exit=1``, ``slow``) is left out.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

OUTSIDE = {"CHANGELOG.md": "changelog.md", "infra/terraform/README.md": "terraform.md"}
"""File in the repository -> page of the site."""
NOTE = re.compile(r"^(```\w+)(?: exit=\d+| slow)+$", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#:]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of `OUTSIDE`."""
    from mkdocs.structure.files import File

    root = Path(config.docs_dir).parent
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(root / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links into the site, and take the notes of the tests away."""
    pages = {page: source for source, page in OUTSIDE.items()}
    return in_site(NOTE.sub(r"\1", markdown), pages.get(page.file.src_uri, f"docs/{page.file.src_uri}"))


def in_site(markdown: str, source: str) -> str:
    """``markdown`` of the repository's file ``source`` with its links as the site has them."""
    here = posixpath.dirname(OUTSIDE.get(source, source.removeprefix("docs/")))

    def rewritten(found: re.Match[str]) -> str:
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), found["target"]))
        page = OUTSIDE.get(file, file.removeprefix("docs/"))
        return posixpath.relpath(page, here or ".")

    return LINK.sub(rewritten, markdown)
