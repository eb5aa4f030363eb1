"""Labelled files in class folders: one folder for each class, whose name is that of the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from xoresnet.errors import DataError

__all__ = ["FileKind", "FileList", "files_below", "has_class_folders", "list_class_folders"]


class FileKind(NamedTuple):
    """Which files are meant."""

    noun: str
    """What they are called in messages, in the plural."""
    suffixes: frozenset[str]
    """Endings of their names, in lower case, with the dot."""

    def is_one(self, path: Path) -> bool:
        return path.suffix.lower() in self.suffixes


@dataclass(frozen=True)
class FileList:
    """Files with their labels, sorted by class, then by file name; none of them has been read."""

    root: Path
    classes: tuple[str, ...]
    names: tuple[str, ...]
    """Paths in the root, with forward slashes."""
    labels: tuple[int, ...]
    left_out: tuple[tuple[str, int], ...] = ()
    """How many other files lie in and beside the class folders, by the endings of their names; most frequent first."""

    @classmethod
    def from_pairs(
        cls, root: Path, pairs: Iterable[tuple[str, str]], left_out: tuple[tuple[str, int], ...] = ()
    ) -> FileList:
        """From pairs of class and path in the root; sorted by class and file name, whichever folder a file lies in."""
        ordered = sorted(pairs, key=lambda pair: (pair[0], pair[1].rsplit("/", 1)[-1], pair[1]))
        classes = tuple(dict.fromkeys(name for name, _ in ordered))
        numbers = {name: label for label, name in enumerate(classes)}
        names, labels = tuple(path for _, path in ordered), tuple(numbers[name] for name, _ in ordered)
        return cls(root, classes, names, labels, left_out)

    def select(self, rows: Tensor) -> FileList:
        """The files at int64 rows, with the same classes."""
        indices = rows.tolist()
        names, labels = tuple(self.names[i] for i in indices), tuple(self.labels[i] for i in indices)
        return FileList(self.root, self.classes, names, labels, self.left_out)

    @property
    def label_tensor(self) -> Tensor:
        """int64 [N]."""
        return torch.tensor(self.labels, dtype=torch.int64)

    def path(self, index: int) -> Path:
        return self.root / self.names[index]


def has_class_folders(folder: Path) -> bool:
    """Whether a folder contains folders that are not hidden."""
    return folder.is_dir() and any(_class_folders(folder))


def list_class_folders(root: Path, kind: FileKind, parts: Sequence[str] = (".",)) -> FileList:
    """All files of a kind in the class folders of the given parts of the root, pooled.

    Classes are named after their folders. Files may lie deeper in a class folder; hidden files and folders are ignored.
    Raises `DataError` if there is no class folder, or a class without such files.
    """
    noun = kind.noun
    folders = [folder for part in parts for folder in _class_folders(root / part)]
    if not folders:
        if any(kind.is_one(path) for path in root.glob("*")):
            raise DataError(f"{root} contains {noun} but no class folders; give the folder above it as the root")
        raise DataError(f"{root} contains no class folders with {noun}")
    files = [(folder.name, path) for folder in folders for path in files_below(root, folder, kind)]
    pairs = [(name, path.as_posix()) for name, path in files if kind.is_one(path)]
    missing = {folder.name: folder for folder in folders if folder.name not in {name for name, _ in pairs}}
    for name, folder in missing.items():
        endings = ", ".join(sorted(kind.suffixes))
        raise DataError(f"class {name!r} has no {noun}: {folder} contains none of {endings}")
    others = [path for _, path in files if not kind.is_one(path)]
    others += [path for part in parts if (root / part).is_dir() for path in _files_beside(root / part)]
    left_out = Counter(path.suffix.lower() or path.name for path in others)
    return FileList.from_pairs(root, pairs, tuple(sorted(left_out.items(), key=lambda item: (-item[1], item[0]))))


def files_below(root: Path, folder: Path, kind: FileKind) -> list[Path]:
    """All that is in a folder and below but folders and what is hidden, by paths in the root."""
    paths = (path for path in folder.rglob("*") if kind.is_one(path) or not path.is_dir())
    relative = (path.relative_to(root) for path in paths)
    return [path for path in relative if not any(part.startswith(".") for part in path.parts)]


def _class_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _files_beside(part: Path) -> list[Path]:
    """The files beside class folders."""
    return [entry for entry in part.iterdir() if entry.is_file() and not entry.name.startswith(".")]
