"""Reads pickles of plain values and uint8 arrays, without running anything that they name.

A pickle can call any function that it can import. Here it can import nothing: the few globals that numpy's arrays
name are replaced by stand-ins that only collect the parts, and our own code assembles the array afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from xoresnet.errors import DataError

__all__ = ["read_pickle"]


def read_pickle(content: bytes, path: str | Path) -> dict[str, Any]:
    """The dictionary in a pickle of Python 2 or 3; its arrays are `np.ndarray` of uint8.

    path: named in errors. Raises `DataError` for a damaged pickle, for one that names any global other than those of
    numpy's arrays, and for one that is not a dictionary.
    """
    try:
        value = _Unpickler(io.BytesIO(content), path).load()
    except DataError:
        raise
    except Exception as error:  # damaged pickles raise errors of every class
        raise DataError(f"{path} cannot be read as a pickle: {type(error).__name__}: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} is a pickle of {type(value).__name__}, not of a dictionary")
    return {str(key): _plain(part) for key, part in value.items()}


class _DType:
    def __init__(self, code: object = None, *rest: object) -> None:
        if code not in ("u1", "|u1", "uint8"):
            raise ValueError(f"an array of {code!r}, but only uint8 is expected")

    def __setstate__(self, state: object) -> None:
        """Ignores byte order and the like, which single bytes do not have."""


class _Array:
    """The parts of an array, as `numpy.ndarray.__reduce__` returns them."""

    shape: tuple[int, ...] = ()
    values: bytes = b""
    order: str = "C"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, is_fortran, values = state
        self.fill(values, dtype, shape, "F" if is_fortran else "C")

    def fill(self, values: Any, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
        if not isinstance(dtype, _DType):
            raise ValueError("an array without a type")
        # Python 2 wrote bytes as text
        self.values = values.encode("latin1") if isinstance(values, str) else bytes(memoryview(values))
        self.shape, self.order = tuple(int(size) for size in shape), order
        if min(self.shape, default=0) < 0 or math.prod(self.shape) != len(self.values):
            raise ValueError(f"an array of shape {self.shape} in {len(self.values)} bytes")
        return self

    def build(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        flat = np.frombuffer(bytearray(self.values), dtype=np.uint8)
        return flat.reshape(self.shape, order="F" if self.order == "F" else "C")


class _NdArray:
    """Stands for the class `numpy.ndarray`, which is only passed to `_reconstruct`."""


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    return _Array()


def _frombuffer(values: object, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
    return _Array().fill(values, dtype, shape, order)


def _encode(text: str, encoding: str) -> bytes:
    return text.encode("latin1")  # how Python 3 writes bytes for Python 2


_GLOBALS = {
    ("numpy", "ndarray"): _NdArray,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, path: str | Path) -> None:
        super().__init__(file, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise DataError(
                f"{self._path} names {module}.{name}, which no image file needs; it was refused, and nothing was run"
            ) from None


def _plain(value: Any) -> Any:
    return value.build() if isinstance(value, _Array) else value
