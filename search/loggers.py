"""The loggers that a search can be followed with: their names, the packages that they need, and users' own.

A name is known here without any of those packages. They are imported, and users' own loggers found, when a search is
about to begin; what only reads a run imports neither.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from xoresnet.description.schema import nearest
from xoresnet.description.user_code import find_user_code, is_dotted
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.plain_text import shown

__all__ = ["LOGGERS", "check_logger_names", "check_loggers", "find_logger"]

LOGGERS: Mapping[str, str] = MappingProxyType({"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"})
"""The package that each logger needs; the optional dependencies of xoresnet that install it bear the logger's name."""


def check_logger_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if each is one of `LOGGERS` or a dotted path, and none is there twice.

    Raises `SpecError` with the nearest spelling.
    """
    rule = f"is not one of {', '.join(LOGGERS)}, or a dotted path"
    faults = [
        Fault(str(place), f"{shown(name)} {rule}{nearest(name, LOGGERS)}")
        for place, name in enumerate(names)
        if name not in LOGGERS and not is_dotted(name)
    ]
    faults += [
        Fault(str(place), f"{shown(name)} is given twice") for place, name in enumerate(names) if name in names[:place]
    ]
    if faults:
        raise SpecError(faults)
    return tuple(names)


def check_loggers(names: Sequence[str]) -> None:
    """Check that each logger can log from here: its package is installed, and W&B knows its user.

    Imports the packages, and users' own loggers. Raises `UsageError` (with `SpecError`).
    """
    for name in names:
        if name in LOGGERS:
            _check_package(name)
        else:
            find_logger(name)
    if "wandb" in names:
        _check_wandb_user()


def find_logger(path: str) -> Any:
    """The callback of Ray Tune at a dotted path; a class is called without arguments. Raises `UsageError`."""
    from ray.tune import Callback

    def fits(value: Any) -> bool:
        return isinstance(value, Callback) or (isinstance(value, type) and issubclass(value, Callback))

    try:
        found = find_user_code(path, fits, "a Callback of Ray Tune, or a class of them")
    except SpecError as error:
        raise SpecError(fault._replace(path="loggers") for fault in error.faults) from None
    if not isinstance(found, type):
        return found
    try:
        return found()
    except Exception as error:  # the class may be the user's and raise anything
        raise UsageError(f"loggers: {path} cannot be created without arguments: {_reason(error)}") from None


def _check_package(name: str) -> None:
    """Raises `UsageError` where the package of a logger is missing or cannot be imported."""
    package = LOGGERS[name]
    if find_spec(package) is None:
        raise UsageError(f"loggers: {name} needs the package {package}; install it with pip install 'xoresnet[{name}]'")
    try:
        import_module(package)
    except Exception as error:  # something inside of it is missing, or does not fit
        raise UsageError(f"loggers: {name} cannot be used, because {package} fails with {_reason(error)}") from None


def _check_wandb_user() -> None:
    """Where it does not know its user, W&B would ask on the terminal in the midst of the search.

    Raises `UsageError`.
    """
    import wandb

    if wandb.setup().settings.mode in ("offline", "disabled"):
        return
    with contextlib.redirect_stderr(io.StringIO()):  # it says where it has found the key
        is_known = wandb.login(prompt=False, verify=False)
    if not is_known:
        raise UsageError(
            "loggers: wandb has no API key; run `wandb login`, set WANDB_API_KEY, or set WANDB_MODE=offline to keep "
            "its files in the run's folder"
        )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
