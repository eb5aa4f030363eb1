"""Users' own merges and neurons, named by dotted path: `mylab.merges.MAJORITY`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from xoresnet.description.schema import nearest
from xoresnet.errors import Fault, SpecError

__all__ = ["find_user_code", "is_dotted"]


def is_dotted(name: object) -> bool:
    """Whether a name is a path to something of the user's; our own names have no dots."""
    return isinstance(name, str) and "." in name


def find_user_code(path: str, fits: Callable[[Any], bool], what: str) -> Any:
    """Import what a path names. Raises `SpecError` for a path that leads nowhere or to something else than `what`."""
    module_name, _, name = path.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:  # the module is the user's: it may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise SpecError([Fault("", f"{path!r} cannot be imported: {reason}")]) from error
    if not hasattr(module, name):
        guess = nearest(name, [other for other in vars(module) if not other.startswith("_")])
        raise SpecError([Fault("", f"{path!r} does not exist: {module_name} has no {name!r}{guess}")])
    found = getattr(module, name)
    if not fits(found):
        raise SpecError([Fault("", f"{path!r} is no {what}, but of type {type(found).__name__}")])
    return found
