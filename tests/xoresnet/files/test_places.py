"""What is written to: paths, and URLs, which would become folders of the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from xoresnet.errors import UsageError
from xoresnet.files.places import local_path


@pytest.mark.parametrize("place", ["runs/digits", "/a b/c", "C:/runs", "C:\\runs", "a:b", "runs/s3://x", ".", "a:", ""])
def test_paths(place: str) -> None:
    assert local_path(place, "--run") == Path(place)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("s3://bucket/runs", "s3://bucket/runs is a URL, but files are written to folders of this machine only; "),
        (Path("s3://bucket/runs"), "s3://bucket/runs is a URL, "),
        ("abfs+x://c/r", "abfs+x://c/r is a URL, "),
        ("hdfs:///r", "hdfs://r is a URL, "),
    ],
)  # fmt: skip
def test_urls(place: str | Path, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        local_path(place, "--run")
    assert str(caught.value).startswith(f"--run: {sentence}")


@pytest.mark.parametrize(
    "url", ["file:///home/ann/my%20runs", Path("file:///home/ann/my runs"), "FILE:/home/ann/my runs"]
)
def test_urls_of_this_machine_are_paths(url: str | Path) -> None:
    assert local_path(url, "--run") == Path("/home/ann/my runs")
