"""Folders in which users' modules are looked for besides Python's own path: the working directory of a command.

They join Python's path only when a module of the user's is imported: a file in the working directory must not run in
place of an optional package, which a library tries to import and which is not installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["add_code_folder", "extend_path"]

_folders: list[str] = []


def add_code_folder(folder: Path) -> None:
    """Look for users' modules in this folder as well."""
    _folders.append(str(folder))


def extend_path() -> None:
    """Add the folders to the end of Python's path, so that they hide nothing that is installed."""
    sys.path += [folder for folder in _folders if folder not in sys.path]
