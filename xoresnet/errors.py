"""The errors of this library: one family, each a sentence that says what is wrong, where, and by which rule.

    XOResNetError
    ├── UsageError           the request itself is wrong: an unknown name, a value out of range, options that conflict
    │   ├── SpecError        a description that breaks its rules; `.faults` has each fault with its path
    │   └── YamlError        a text that is not YAML, or not of the kind that is read
    ├── DataError            a data set that is missing, damaged or unsuitable
    ├── RunError             a run that is missing, damaged or in use
    │   ├── CheckpointError      a checkpoint that is damaged, so that its training must begin anew
    │   └── NoRunError           a path or URL that names no such run: also a UsageError
    ├── ModelError           a standalone model that is missing, damaged or of another network
    │   └── NoModelError         a path that names no model: also a UsageError
    ├── ExportError          a file that could not be written or does not match its network
    │   └── UnsupportedError     the format cannot express the network
    ├── TrainingError        a training that cannot go on
    │   └── DivergenceError      its loss is no longer finite
    ├── ClusterError         a Ray cluster that cannot be reached or cannot run a trial
    └── UntrustedCodeError   a file whose use would import, and so run, code that the user has not agreed to

Nothing here knows how a program ends: the command line chooses exit codes by class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from xoresnet.limits import MOST_FAULTS
from xoresnet.plain_text import cut, visible

__all__ = [
    "CheckpointError",
    "ClusterError",
    "DataError",
    "DivergenceError",
    "ExportError",
    "Fault",
    "ModelError",
    "NoModelError",
    "NoRunError",
    "RunError",
    "SpecError",
    "TrainingError",
    "UnsupportedError",
    "UntrustedCodeError",
    "UsageError",
    "XOResNetError",
    "YamlError",
]


class XOResNetError(Exception):
    """Base class of all errors that this library raises for its users. The message is one sentence.

    Messages quote names and values of strangers: they are cut (`limits.py`), and characters that would steer a terminal
    are escaped.
    """

    def __init__(self, message: str = "", *rest: object) -> None:
        super().__init__(visible(cut(str(message))), *rest)


class UsageError(XOResNetError, ValueError):
    """The request itself is wrong: an unknown name, a value out of range, or options that conflict."""


class Fault(NamedTuple):
    """One thing that is wrong with a description."""

    path: str
    """The dotted path of the field; empty for the description as a whole."""
    message: str
    """What is wrong, with the value and the rule."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SpecError(UsageError):
    """A description that breaks its rules: one sentence per fault, faults of single fields before combinations."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(Fault(visible(cut(path)), visible(cut(message))) for path, message in faults)
        super().__init__("; ".join(self.sentences))

    @property
    def sentences(self) -> list[str]:
        """One for each fault; beyond `limits.MOST_FAULTS` only how many more there are."""
        more = len(self.faults) - MOST_FAULTS
        rest = [f"and {more:,} more faults like these"] if more > 0 else []
        return [*map(str, self.faults[:MOST_FAULTS]), *rest]

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class YamlError(UsageError):
    """A text that is not YAML, or that contains something other than numbers, texts, lists and mappings."""


class DataError(XOResNetError, ValueError):
    """A data set that is missing, damaged or unsuitable; the message names the file or the argument."""


class RunError(XOResNetError, ValueError):
    """A run that is missing (`NoRunError`), damaged, or in use by another process."""


class CheckpointError(RunError):
    """A checkpoint that is damaged: cut off, or changed since it was written. Its training must begin anew."""


class NoRunError(RunError, UsageError):
    """A path or URL that does not name the run that is needed: nothing is there, or something else is."""


class ModelError(XOResNetError, ValueError):
    """A standalone model that is missing (`NoModelError`), damaged, or of another network than described."""


class NoModelError(ModelError, UsageError):
    """A path that does not name a model: nothing is there, or something else is."""


class ExportError(XOResNetError, RuntimeError):
    """An exported file that could not be written or does not match its network; the message names the file."""


class UnsupportedError(ExportError, ValueError):
    """The network contains something that the export format cannot express."""


class TrainingError(XOResNetError, RuntimeError):
    """A training that cannot go on, for example for lack of memory."""


class DivergenceError(TrainingError):
    """A training whose loss or weights are no longer finite."""


class ClusterError(XOResNetError, RuntimeError):
    """A Ray cluster that cannot be reached, or none of whose nodes can run a trial."""


class UntrustedCodeError(XOResNetError):
    """A file names merges, neurons or the like by dotted path, and its use would import and so run them.

    The files are those that others may have written: models and runs. Importing the modules oneself is consent too.
    """

    def __init__(self, where: str, names: Iterable[str]) -> None:
        """where: the file or folder that names the code. names: the dotted paths."""
        self.where, self.names = where, tuple(names)
        super().__init__(f"{self.fact}; pass trust_code=True if you trust it")

    @property
    def fact(self) -> str:
        """The sentence without its remedy, which the command line words in its own way."""
        shown = [name if len(name) <= _SHOWN_LETTERS else f"{name[:_SHOWN_LETTERS]}..." for name in self.names]
        rest = [f"{len(shown) - _SHOWN_NAMES} more"] if len(shown) > _SHOWN_NAMES else []
        *first, last = [*shown[:_SHOWN_NAMES], *rest]
        listed = f"{', '.join(first)} and {last}" if first else last
        return f"{self.where} names code that would be imported, and so run: {listed}"

    def __reduce__(self) -> tuple[type[UntrustedCodeError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.where, self.names)


_SHOWN_NAMES, _SHOWN_LETTERS = 4, 80
"""How much of what a stranger wrote a sentence repeats."""
