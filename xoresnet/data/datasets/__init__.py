"""The data sets: each module of this folder defines one as its `LOADER`, and `xoresnet.data.load` collects them."""

from __future__ import annotations

from pkgutil import iter_modules

__all__ = ["data_names"]


def data_names() -> tuple[str, ...]:
    """The names of the data sets: those of the modules, which are not imported for it, because they import torch.

    >>> "fashion-mnist" in data_names()
    True
    """
    names = (module.name for module in iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in names if not name.startswith("_")))
