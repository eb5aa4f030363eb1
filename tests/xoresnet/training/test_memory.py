from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource
import torch
from xoresnet import hold_freed_memory

held = hold_freed_memory() if {hold} else False
for _ in range(3):
    torch.ones(2**22)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(2**24)
print(held, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(hold: bool) -> tuple[str, int]:
    command = [sys.executable, "-c", CODE.format(hold=hold)]
    held, faults = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return held, int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_used_again() -> None:
    """Twenty tensors of 64 MiB, one after the other, take new pages for a few of them instead of for each."""
    held, few = page_faults(hold=True)
    _, many = page_faults(hold=False)
    assert held == "True"
    assert few * 2 < many
