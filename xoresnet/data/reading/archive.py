"""Files in a tar archive, of bounded size, whatever the archive says of itself."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

from xoresnet.limits import MOST_FILE_BYTES

__all__ = ["read_members"]

_MOST_HEADER_BYTES = 2**20
_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
"""Members that describe the next one, which `tarfile` reads as a whole."""


class _Member(tarfile.TarInfo):
    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > (_MOST_HEADER_BYTES if self.type in _HEADERS else MOST_FILE_BYTES):
            raise tarfile.ReadError(f"a member of {self.size:,} bytes is larger than any that is read")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc] # made for subclasses
        return member


def read_members(archive: Path, names: set[str]) -> dict[str, bytes]:
    """The contents of those files of an archive that have these names, in whatever folder, as far as they are there.

    Raises TarError, OSError, EOFError and zlib's error for a damaged archive, or one with members that are too large.
    """
    contents: dict[str, bytes] = {}
    with tarfile.open(archive, "r:*", tarinfo=_Member) as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            file = tar.extractfile(member) if name in names and member.isfile() else None
            if file is not None:
                if member.size > MOST_FILE_BYTES:  # a sparse file is larger than what its header announces
                    raise tarfile.ReadError(f"{name} is larger than any that is read")
                contents[name] = file.read()
            if len(contents) == len(names):
                break
    return contents
