"""ZIP archives with one table in them, of any format that is read; the bytes of the table come out as a stream.

What operating systems put beside it (``__MACOSX/``, ``.DS_Store``, folders) does not count.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lsq_cli.core.errors import OpenError, shown
from lsq_cli.sources.binary.npz import MemberBytes, members_of
from lsq_cli.sources.names import listed

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import ByteSource


def format_of(archive: ByteSource) -> str:
    """The format of a file that begins as a ZIP archive does: ``npz``, ``xlsx``, ``ods`` or ``zip``."""
    names = list(members_of(archive))
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if "content.xml" in names and "mimetype" in names:
        return "ods"
    return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"


def only_member(archive: ByteSource) -> tuple[MemberBytes, str]:
    """The one table of an archive and its name in there.

    Raises
    ------
    OpenError
        Not a ZIP archive, a broken one, an empty one, or one with several files.
    """
    sizes = {name: size for name, size in members_of(archive).items() if _counts(name)}
    if not sizes:
        raise OpenError("a zip archive without a file in it", archive.label)
    if len(sizes) > 1:
        raise OpenError(
            f"a zip archive of {len(sizes)} files, {listed(sizes)}; unpack it (unzip FILE) and give the table alone, "
            "or the parts of one table with -t NAME",
            archive.label,
        )
    name, size = next(iter(sizes.items()))
    return MemberBytes(archive, name, size, f"{archive.label}, {shown(name)}"), name


def _counts(name: str) -> bool:
    """Whether a member is a file that somebody put there."""
    return not (name.endswith("/") or name.startswith("__MACOSX/") or os.path.basename(name).startswith("."))
