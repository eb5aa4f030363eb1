"""Merges and neurons that users write in their own packages and name by dotted path: `mylab.merges.MAJORITY`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from traceback import walk_tb
from typing import Any

from xoresnet.description.schema import nearest
from xoresnet.errors import Fault, SpecError

__all__ = ["fault_of_user_code", "find_user_code", "is_dotted"]

_modules: set[str] = set()
"""The names of the modules that held what was found."""


def is_dotted(name: object) -> bool:
    """Whether a name is the dotted path of user code; the names of this package contain no dots."""
    return isinstance(name, str) and "." in name


def find_user_code(path: str, fits: Callable[[Any], bool], what: str) -> Any:
    """Import the object that a dotted path names. `fits` checks it; `what` says what it must be, as in "a Merge".

    Raises `SpecError` if the module cannot be imported, has no such name, or the object does not fit.
    """
    module_name, _, name = path.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:  # the module is the user's: it may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise SpecError([Fault("", f"{path!r} cannot be imported: {reason}")]) from error
    if not hasattr(module, name):
        guess = nearest(name, [other for other in vars(module) if not other.startswith("_")])
        raise SpecError([Fault("", f"{path!r} does not exist: {module_name} has no {name!r}{guess}")])
    _modules.add(module_name)
    value = getattr(module, name)
    if not fits(value):
        raise SpecError([Fault("", f"{path!r} must be {what}, but its type is {type(value).__name__}")])
    return value


def fault_of_user_code(error: BaseException) -> str | None:
    """A sentence about an error that a user's merge or neuron raised, itself or in a library that it called.

    None if the error came from elsewhere, among others from code of this package that user code called.
    """
    fault = None
    for frame, line in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if module in _modules:
            fault = f"{module}, line {line}, raised {type(error).__name__}: {error}"
        elif module.partition(".")[0] == "xoresnet":
            fault = None
    return fault
