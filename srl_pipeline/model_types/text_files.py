"""The files of a pack as text: bounded in size, UTF-8, and none that lies outside the pack."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from srl_pipeline.errors import PackError

MAX_BYTES = 2_000_000


def read_text(file: Path, pack: Path | None = None) -> str:
    """UTF-8 text of a file of the pack in the folder ``pack`` (default: the file's own folder).

    Raises PackError for a file that is missing, too large, not UTF-8, or reached by a link out of the pack.
    """
    if not file.name.isprintable():
        raise PackError(
            f"{file.name!a} is no file name that can be shown.",
            where=printable(str(file.parent)),
            mend="Rename the file; use letters, digits and -.",
        )
    try:
        _refuse_link_out(file, pack or file.parent)
        if not file.is_file():
            raise PackError(
                f"{file.name} is missing.", where=str(file), mend="Write it; docs/packs.md shows its format."
            )
        if (size := file.stat().st_size) > MAX_BYTES:
            raise PackError(
                f"{file.name} has {size:,} bytes; at most {MAX_BYTES:,} are read.",
                where=str(file),
                mend="Split or shorten it.",
            )
        data = file.read_bytes()
    except OSError as error:
        raise PackError(
            f"{file.name} cannot be read: {error.strerror}.", where=str(file), mend="Grant access to the file."
        ) from error
    try:
        text = data.decode("utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PackError(
            f"{file.name} is not UTF-8 (byte {error.start}).",
            where=f"{file}:{line}",
            mend="Save it with encoding UTF-8.",
        ) from error
    return text.replace("\r\n", "\n")


def printable(text: str) -> str:
    """``text`` as it can be shown: names on disk may hold bytes that no terminal or log can take."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _refuse_link_out(file: Path, pack: Path) -> None:
    """A pack quotes its lore to the student, so a link could give away any file. Links within the pack are welcome."""
    if not os.path.lexists(file):
        return
    try:
        real = Path(os.path.realpath(file, strict=True))
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOENT, errno.ENOTDIR):
            raise
        raise PackError(
            f"{file.name} is a link that leads nowhere or in a circle.",
            where=str(file),
            mend="Put the file itself in its place.",
        ) from error
    if not real.is_relative_to(os.path.realpath(pack)):
        raise PackError(
            f"{file.name} lies outside the pack: a link leads to {printable(str(real))}.",
            where=str(file),
            mend="Copy the file into the pack.",
        )
