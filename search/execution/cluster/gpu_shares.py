"""`GpuShares`: which share of a GPU each trial takes, and how it grows where trials run out of GPU memory."""

from __future__ import annotations

from collections.abc import Sequence

from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.failures import is_out_of_gpu_memory
from xoresnet.search.execution.live_trial import LiveTrial
from xoresnet.search.study.attributes import PACKING
from xoresnet.search.study.trials import TrialRecord, trials_of, write_gpu_share

__all__ = ["UNMEASURED", "GpuShares", "default_share"]

UNMEASURED = 0.25
"""The share of a GPU that a trial takes where neither the configuration nor a measurement sets one."""
_SEVERAL = 3
"""Once so many trials need more than others take, all new ones take more."""


def default_share(base: float, needed: Sequence[float]) -> float:
    """The share of a GPU that a new trial takes: `base`, doubled as often as three trials needed still more.

    needed: the shares of trials that ran out of GPU memory with less.

    >>> default_share(0.25, [0.5, 0.5])
    0.25
    >>> default_share(0.25, [0.5, 0.5, 1.0])
    0.5
    """
    while base < 1 and sum(share > base for share in needed) >= _SEVERAL:
        base = min(1.0, 2 * base)
    return base


class GpuShares:
    """The shares of a bridge's trials; they are kept in its study, so that a search that continues knows them."""

    def __init__(self, config: SearchConfig, bridge: TrialBridge) -> None:
        self._config, self._bridge = config, bridge
        measured = bridge.study.user_attrs.get(PACKING, {}).get("gpus_per_trial")
        self._base = config.gpus_per_trial if config.gpus_per_trial is not None else measured or UNMEASURED
        self._needed = [trial.gpu_share for trial in trials_of(bridge.study) if trial.gpu_share]
        bridge.gives_more_memory = self.give_more

    @property
    def default(self) -> float:
        """What a new trial takes. A number in the configuration stays as it is."""
        return self._base if self._config.gpus_per_trial is not None else default_share(self._base, self._needed)

    def of(self, run_id: str) -> float:
        """What the trial that runs under this id takes."""
        live = self._bridge.live.get(run_id)
        return self.default if live is None else max(self.default, TrialRecord.of(live.trial).gpu_share)

    def give_more(self, live: LiveTrial, reason: str) -> bool:
        """Whether a trial that failed for this reason is tried again with twice its share of a GPU, up to a whole one.

        That costs no retry. What ran out of memory with a whole GPU has failed.
        """
        if not is_out_of_gpu_memory(reason) or not 0 < live.gpus < 1:
            return False
        before, larger = self.default, min(1.0, 2 * live.gpus)
        write_gpu_share(live.trial, larger)
        self._needed.append(larger)
        self._bridge.say(
            f"trial {live.trial.number} ran out of GPU memory with {live.gpus:g} of a GPU; it is tried again with "
            f"{larger:g}"
        )
        if self.default > before:
            self._bridge.say(
                f"{_SEVERAL} trials ran out of GPU memory with {before:g} of a GPU; new trials take {self.default:g}"
            )
        return True
