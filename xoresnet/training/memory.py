"""Keeps freed memory in the process while training on the CPU."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["hold_freed_memory"]

# malloc.h of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_LARGE = 2**30


def hold_freed_memory() -> bool:
    """Let this process keep the memory that it frees, instead of returning it to the system at once.

    Training on the CPU frees and allocates the same large tensors at every step, and glibc by default maps each anew,
    page by page, which takes up to a third of the time of a step (`docs/benchmarks.md`). The setting holds for the
    whole process; call it before training, in programs of your own. Returns whether it took effect: only with glibc.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    # versions of glibc that accept no threshold above 32 MiB can be told not to map at all
    unmapped = mallopt(_M_MMAP_THRESHOLD, _LARGE) or mallopt(_M_MMAP_MAX, 0)
    return bool(unmapped) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
