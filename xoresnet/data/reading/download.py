"""Downloads through torchvision, which knows the mirrors and verifies the published checksums."""

from __future__ import annotations

from pathlib import Path

from xoresnet.data.reading.loader import require
from xoresnet.errors import DataError

__all__ = ["download_with_torchvision"]


def download_with_torchvision(class_name: str, root: Path) -> None:
    """Fetch the data set of a class of `torchvision.datasets` into a root. Raises `DataError` with the cause."""
    datasets = require("torchvision.datasets", "downloading")
    try:
        root.mkdir(parents=True, exist_ok=True)
        getattr(datasets, class_name)(root, train=True, download=True)
    except Exception as error:  # torchvision passes on whatever urllib, http.client and tarfile raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"torchvision's {class_name} could not be downloaded into {root}: {reason}") from error
