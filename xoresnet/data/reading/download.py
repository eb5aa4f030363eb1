"""Downloads by torchvision, which knows the mirrors and checks the published checksums of what it fetches."""

from __future__ import annotations

from pathlib import Path

from xoresnet.data.datasets.base import require
from xoresnet.errors import DataError

__all__ = ["download_with_torchvision"]


def download_with_torchvision(kind: str, root: Path) -> None:
    """Fetch a data set of `torchvision.datasets` into a root. Raises `DataError` with the cause of a failure."""
    datasets = require("torchvision.datasets", "downloading")
    try:
        root.mkdir(parents=True, exist_ok=True)
        getattr(datasets, kind)(root, train=True, download=True)
    except Exception as error:  # torchvision lets through whatever urllib, http.client and tarfile raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"torchvision's {kind} could not be downloaded into {root}: {reason}") from error
