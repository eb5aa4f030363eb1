"""Ablations whose figures are made up: carried out in this process, and without Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.search.ablation.ablating import AblateRun
from xoresnet.search.ablation.folder import OneNetwork, write_config
from xoresnet.search.ablation.planning import plan_ablate
from xoresnet.search.folders.claim import claimed


@contextmanager
def ablating(folder: Path, network: OneNetwork | None = None, **options: Any) -> Iterator[AblateRun]:
    """An ablation that has its folder and its study, as `ablate` makes it."""
    plan = plan_ablate(folder, network, **options)
    with claimed(plan.folder.path):
        if plan.alone is not None:
            write_config(plan.folder, plan.alone)
        yield AblateRun(plan)


def own_network(name: str = "or-resnet8", **recipe: Any) -> OneNetwork:
    arch = Arch.baseline(name, input_shape=(1, 8, 8), num_classes=10, width=4)
    return OneNetwork(arch, DataSpec(name="digits"), Recipe(epochs=2).replace(**recipe), name)
