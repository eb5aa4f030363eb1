from __future__ import annotations

import os
import signal

import pytest

from xoresnet.search.interrupts import Terminated, exit_code, termination_raises


def test_sigterm_raises_within_the_block_and_nowhere_else() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as caught, termination_raises():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
    assert isinstance(caught.value, KeyboardInterrupt)  # what stops for Ctrl-C stops for this too


@pytest.mark.parametrize(("interrupt", "code"), [(KeyboardInterrupt(), 130), (Terminated(), 143), (None, 130)])
def test_exit_codes_are_the_shells(interrupt: BaseException | None, code: int) -> None:
    assert exit_code(interrupt) == code
