"""Reads pickles of plain values and uint8 arrays, without running anything that they name.

A pickle can call any function that it can import. Here it can import nothing: the few globals that numpy's arrays
name are replaced by stand-ins that only collect the parts, and our own code assembles the array afterwards.

Nor can a small pickle become large. The reader is Python's own, because the one in C makes tables as large as a pickle
asks for: ten bytes are enough for gigabytes. It knows only the opcodes of plain values, takes only texts as keys, and
makes an array once, however often the pickle refers to it.
"""

from __future__ import annotations

import copyreg
import io
import math
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xoresnet.errors import DataError
from xoresnet.plain_text import cut, shown

__all__ = ["read_pickle"]


def read_pickle(content: bytes, path: str | Path) -> dict[str, Any]:
    """The dictionary in a pickle of Python 2 or 3; its arrays are `np.ndarray` of uint8.

    path: named in errors. Raises `DataError` for a damaged pickle, for one that names any global other than those of
    numpy's arrays, and for one that is not a dictionary.
    """
    try:
        value = _Unpickler(content, path).load()
    except DataError:
        raise
    except Exception as error:  # damaged pickles raise errors of every class
        raise DataError(f"{path} cannot be read as a pickle: {type(error).__name__}: {cut(str(error), 200)}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} is a pickle of {type(value).__name__}, not of a dictionary")
    return {str(key): _plain(part) for key, part in value.items()}


class _DType:
    def __init__(self, code: object = None, *rest: object) -> None:
        if code not in ("u1", "|u1", "uint8"):
            raise ValueError(f"an array of {shown(code)}, but only uint8 is expected")

    def __setstate__(self, state: object) -> None:
        """Ignores byte order and the like, which single bytes do not have."""


class _Array:
    """The parts of an array, as `numpy.ndarray.__reduce__` returns them."""

    shape: tuple[int, ...] = ()
    values: str | bytes | bytearray = b""
    """Text, where Python 2 wrote its own kind of text for bytes."""
    order: str = "C"
    _built: np.ndarray[Any, np.dtype[np.uint8]] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, is_fortran, values = state
        self.fill(values, dtype, shape, "F" if is_fortran else "C")

    def fill(self, values: Any, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
        if not isinstance(dtype, _DType):
            raise ValueError("an array without a type")
        if not isinstance(values, str | bytes | bytearray):
            raise ValueError("an array without values")
        fits = len(shape) <= _MOST_DIMENSIONS and all(type(size) is int and 0 <= size <= len(values) for size in shape)
        if not fits or math.prod(shape) != len(values):
            raise ValueError(f"an array of shape {shown(shape)} in {len(values)} bytes")
        self.values, self.shape, self.order = values, shape, order
        return self

    def build(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        if self._built is None:
            values = self.values.encode("latin1") if isinstance(self.values, str) else self.values
            flat = np.frombuffer(bytearray(values), dtype=np.uint8)
            self._built = flat.reshape(self.shape, order="F" if self.order == "F" else "C")
        return self._built


_MOST_DIMENSIONS = 8


class _NdArray:
    """Stands for the class `numpy.ndarray`, which is only passed to `_reconstruct`."""


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    return _Array()


def _frombuffer(values: object, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
    return _Array().fill(values, dtype, shape, order)


def _encode(text: str, encoding: str) -> str:
    """How Python 3 writes bytes for Python 2. The array encodes them, once."""
    return text


_GLOBALS: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NdArray,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
}

_METHODS: Mapping[int, Any] = pickle._Unpickler.dispatch
_OPCODES = """
    PROTO FRAME STOP MARK POP POP_MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES
    BINBYTES8 EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT GET BINGET
    LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL EXT1 EXT2 EXT4 REDUCE
"""
"""The opcodes that are read as Python reads them; others need checks, or are needed by no image file."""


class _Dispatch(dict[int, Callable[["_Unpickler"], None]]):
    """Methods by opcode."""

    def __missing__(self, opcode: int) -> Callable[[_Unpickler], None]:
        raise pickle.UnpicklingError(f"the opcode {opcode}, which plain values do not need")


class _Exact(io.BytesIO):
    """A file that never returns less than was asked for, as Python's reader of pickles takes for granted."""

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if size is not None and len(content) < size:
            raise pickle.UnpicklingError("pickle data was truncated")
        return content

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise pickle.UnpicklingError("pickle data was truncated")
        return line


class _Unpickler(pickle._Unpickler):
    """Python's reader of pickles, with only those opcodes that arrays, lists and dictionaries need."""

    # of the base class, which typeshed does not know
    stack: list[Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, content: bytes, path: str | Path) -> None:
        super().__init__(_Exact(content), encoding="latin1")
        self._path, self._size = path, len(content)

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise DataError(
                f"{self._path} names {module}.{name}, which no image file needs; it was refused, and nothing was run"
            ) from None

    def get_extension(self, code: int) -> None:
        """A number in place of a name, under which a program may have registered anything: looked up as a name."""
        registered: Mapping[int, tuple[str, str]] = copyreg._inverted_registry  # type: ignore[attr-defined]
        self.append(self.find_class(*registered.get(code, ("extension", str(code)))))

    def _build(self) -> None:
        if not isinstance(self.stack[-2], _Array | _DType):
            raise pickle.UnpicklingError(f"a state of {type(self.stack[-2]).__name__}")
        _METHODS[pickle.BUILD[0]](self)

    def _bytearray(self) -> None:
        self.append(bytearray(self.read(struct.unpack("<Q", self.read(8))[0])))

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _set_items(self) -> None:
        self._set(self.pop_mark())

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def _set(self, items: list[Any]) -> None:
        """Keys are texts only: to find the place of nested tuples in a dictionary may take for ever."""
        if not isinstance(self.stack[-1], dict) or not all(isinstance(key, str | bytes) for key in items[::2]):
            raise pickle.UnpicklingError("a dictionary whose keys are not texts")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    dispatch = _Dispatch(  # type: ignore[assignment] # of methods of this class
        {
            **{code: _METHODS[code] for name in _OPCODES.split() for code in getattr(pickle, name)},
            pickle.BUILD[0]: _build,
            pickle.BYTEARRAY8[0]: _bytearray,
            pickle.SETITEM[0]: _set_item,
            pickle.SETITEMS[0]: _set_items,
            pickle.DICT[0]: _dict,
        }
    )


def _plain(value: Any) -> Any:
    return value.build() if isinstance(value, _Array) else value
