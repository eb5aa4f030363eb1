"""Small image files for tests."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def write_image(path: Path, width: int = 10, height: int = 8, mode: str = "RGB") -> None:
    """An image of noise that depends on its file name alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": (3,), "RGBA": (4,), "L": (), "LA": (2,)}[mode]
    numbers = np.random.default_rng(zlib.crc32(path.name.encode()))
    Image.fromarray(numbers.integers(0, 256, (height, width, *channels), dtype=np.uint8)).save(path)


def write_classes(folder: Path, per_class: int = 12, classes: tuple[str, ...] = ("cat", "dog", "owl")) -> None:
    for name in classes:
        for index in range(per_class):
            write_image(folder / name / f"{name}{index:02}.png")


def cache_files(root: Path, suffix: str) -> list[Path]:
    return sorted((root / ".xoresnet-cache").glob(f"*{suffix}"))


def poison_pool_test_images(root: Path) -> None:
    """Make garbage of every image that the cache of the training images does not name; then drop the cache."""
    (about,) = cache_files(root, ".json")
    training = set(json.loads(about.read_text())["files"])
    tests = [path for path in root.rglob("*.png") if path.relative_to(root).as_posix() not in training]
    assert tests
    for path in tests:
        path.write_bytes(b"garbage")
    shutil.rmtree(root / ".xoresnet-cache")
