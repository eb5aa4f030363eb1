"""`PlacedProposals`: the trials of a search, each with a folder of its own in the folder of the run."""

from __future__ import annotations

from typing import Any

from optuna.trial import Trial

from xoresnet.search.folders.run import RunFolder
from xoresnet.search.sources.networks import ArchProposals
from xoresnet.search.strategy.marks import is_evicted
from xoresnet.search.study.trials import TrialRecord

__all__ = ["PlacedProposals"]


class PlacedProposals(ArchProposals):
    """Proposals whose configuration names the trial's `folder`; a trial that continues a pruned one takes over its
    folder.
    """

    run: RunFolder
    """To be set before the first proposal."""

    def config(self, trial: Trial) -> dict[str, Any]:
        config, record = super().config(trial), TrialRecord.of(trial)
        folder = self.run.trial(record.number, record.arch_id)
        folder.create(config["arch"])
        # a process that died may have marked it without removing the file
        folder.prepare(without_checkpoint=is_evicted(record.attributes))
        if record.rescues is not None:
            folder.take_over(self.run.trial(record.rescues, record.arch_id))
        return {**config, "folder": str(folder.path)}
