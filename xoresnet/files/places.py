"""Places that are written to: folders and files of this machine, not URLs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from xoresnet.errors import UsageError

__all__ = ["STORES", "as_url", "is_url", "local_path"]

STORES = ("abfs", "gs", "hdfs", "hf", "s3", "sftp", "smb", "webdav")
"""The schemes of URLs of well-known stores, for messages; pyarrow and fsspec know more."""
_OTHER_STORES = ("abfss", "adl", "az", "gcs", "http", "https", "s3a", "ssh")
_HALF_URL = re.compile(rf"^({'|'.join((*STORES, *_OTHER_STORES))})(?:://?|:|//)(?=[^/\\])", re.IGNORECASE)
"""The beginning of a URL that lacks its colon or a slash."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/+")
"""Of a URL, also where a `Path` has merged its slashes; a drive of Windows has one letter."""


_ONE_SLASH = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")


def is_url(place: str | Path) -> bool:
    """Whether a place is named by a URL, other than `file://`, whose rest is a path of this machine.

    >>> is_url("s3://bucket/run"), is_url("file:///run"), is_url("runs/digits")
    (True, False, False)
    """
    scheme = _SCHEME.match(str(place))
    return scheme is not None and scheme[1].lower() != "file"


def as_url(place: str | Path) -> str:
    """The URL as it was meant, where a `Path` has merged its slashes, or where one was forgotten.

    >>> as_url(Path("s3://bucket/run")), as_url("s3:/bucket/run"), as_url("hdfs:///run")
    ('s3://bucket/run', 's3://bucket/run', 'hdfs:///run')
    """
    return _ONE_SLASH.sub(r"\1://", str(place))


def local_path(place: str | Path, what: str) -> Path:
    """The path of a folder or file, which `file://` may name too. Raises `UsageError` for any other URL.

    Without the error it would become a folder named `s3:`. what: the beginning of the sentence, such as `--run`.

    >>> local_path("runs/digits", "--run"), local_path("file:///home/ann/my%20runs", "--run")
    (PosixPath('runs/digits'), PosixPath('/home/ann/my runs'))
    """
    text = str(place)
    scheme = _SCHEME.match(text)
    if scheme is None:
        _refuse_half_url(text)
        return Path(place)
    rest = text[scheme.end() :]
    if scheme[1].lower() == "file":
        return Path("/" + unquote(rest.removeprefix("localhost/")))
    url = f"{scheme[1]}://{rest}"
    raise UsageError(f"{what}: {url} is a URL, but files are written to folders of this machine only; mount or copy it")


def _refuse_half_url(text: str) -> None:
    """Raises `UsageError` for `s3//bucket`, which would become a folder named `s3`."""
    half = _HALF_URL.match(text)
    if half is not None and not Path(text).exists():
        raise UsageError(f"{text} is not a URL; did you mean {half[1]}://{text[half.end() :]}?")
