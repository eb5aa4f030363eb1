"""Merges and neurons that users write in their own packages and name by dotted path: `mylab.merges.MAJORITY`.

Importing a module runs it. What a user builds or starts may import what it names; what reads a file that others may
have written does so within `names_only`, where nothing is imported.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from traceback import walk_tb
from typing import Any

from xoresnet.description.code_folders import extend_path
from xoresnet.description.schema import nearest
from xoresnet.errors import Fault, SpecError, UntrustedCodeError
from xoresnet.plain_text import shown

__all__ = [
    "NamedCode",
    "check_user_code",
    "fault_of_user_code",
    "find_user_code",
    "is_dotted",
    "names_only",
    "user_modules",
]

_found: set[str] = set()
"""The dotted paths that were imported."""


class NamedCode:
    """The code that a file names and that was not imported."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: list[str] = []
        """Dotted paths in the order in which they were met, each once."""

    def add(self, path: str) -> None:
        if path not in self.names:
            self.names.append(path)

    def refuse(self) -> None:
        """Raise `UntrustedCodeError` if there is any."""
        if self.names:
            raise UntrustedCodeError(self.where, self.names)


_reading: ContextVar[NamedCode | None] = ContextVar("reading", default=None)
"""What is read from files of others at the moment; None where names may be imported."""


@contextmanager
def names_only(where: object, *, trust_code: bool = False) -> Iterator[NamedCode]:
    """Read the file or folder `where`, which others may have written: no name in it is imported within the block.

    Descriptions accept dotted paths and remember them; whatever needs the object behind one raises
    `UntrustedCodeError`. A function that returns what it has read calls `.refuse()` behind the block, because outside
    of it the names would be imported when they are used. Modules that are imported already are used as they are: the
    user has imported them. With `trust_code`, names are imported as usual, and an outer block does not count.
    """
    named = NamedCode(str(where))
    token = _reading.set(None if trust_code else named)
    try:
        yield named
    finally:
        _reading.reset(token)


def is_dotted(name: object) -> bool:
    """Whether a name is the dotted path of user code; the names of this package contain no dots."""
    return isinstance(name, str) and "." in name and all(part.isidentifier() for part in name.split("."))


def check_user_code(path: str, fits: Callable[[Any], bool], what: str) -> None:
    """Check that a dotted path leads to what fits, as `find_user_code` does; within `names_only`, remember the path.

    Raises `SpecError`.
    """
    reading = _reading.get()
    if reading is None or _has_imported(path):
        find_user_code(path, fits, what)
    else:
        reading.add(path)


def find_user_code(path: str, fits: Callable[[Any], bool], what: str) -> Any:
    """Import the object that a dotted path names. `fits` checks it; `what` says what it must be, as in "a Merge".

    Raises `SpecError` if the module cannot be imported, has no such name, or the object does not fit;
    `UntrustedCodeError` within `names_only`.
    """
    reading = _reading.get()
    if reading is not None and not _has_imported(path):
        raise UntrustedCodeError(reading.where, [path])
    module_name, _, name = path.rpartition(".")
    if not _has_imported(path):
        extend_path()
    try:
        module = import_module(module_name)
    except Exception as error:  # the module is the user's: it may raise anything
        reason = f"{type(error).__name__}: {error}"
        top = module_name.partition(".")[0]
        is_missing = isinstance(error, ModuleNotFoundError) and error.name == top
        remedy = f"; put {top}.py into the working directory, or install it" if is_missing else ""
        raise SpecError([Fault("", f"{shown(path)} cannot be imported: {reason}{remedy}")]) from error
    if not hasattr(module, name):
        guess = nearest(name, [other for other in vars(module) if not other.startswith("_")])
        raise SpecError([Fault("", f"{shown(path)} does not exist: {module_name} has no {shown(name)}{guess}")])
    _found.add(path)
    value = getattr(module, name)
    if not fits(value):
        raise SpecError([Fault("", f"{shown(path)} must be {what}, but its type is {type(value).__name__}")])
    return value


def fault_of_user_code(error: BaseException) -> str | None:
    """A sentence about an error that a user's merge or neuron raised, itself or in a library that it called.

    None if the error came from elsewhere, among others from code of this package that user code called.
    """
    fault, modules = None, {path.rpartition(".")[0] for path in _found}
    for frame, line in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if module in modules:
            fault = f"{module}, line {line}, raised {type(error).__name__}: {error}"
        elif module.partition(".")[0] == "xoresnet":
            fault = None
    return fault


def _has_imported(path: str) -> bool:
    """Whether the object exists without any import, those of lazy modules included."""
    module_name, _, name = path.rpartition(".")
    module = sys.modules.get(module_name)
    return module is not None and (path in _found or name in vars(module))


def user_modules() -> tuple[Path, ...]:
    """The files and package folders of the user's own that another machine needs to run what was found.

    They are the modules that held it, and the others that this process has imported from beside them. What is installed
    is left out: other machines have to have it installed too.
    """
    installed = {
        Path(path).resolve() for path in map(sysconfig.get_path, ("purelib", "platlib", "stdlib", "platstdlib"))
    }
    roots = {_place(path) for path in _found}
    beside = {root.parent for root in roots if root is not None} - installed
    tops = {name.partition(".")[0] for name in sys.modules}
    places = {place for place in map(_place, tops) if place is not None and place.parent in beside}
    return tuple(sorted(places))


def _place(name: str) -> Path | None:
    """The file or the folder of the package that a module belongs to."""
    module = sys.modules.get(name.partition(".")[0])
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    path = Path(file).resolve()
    return path.parent if path.name == "__init__.py" else path
