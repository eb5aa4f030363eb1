"""Trainables that misbehave, or report made-up figures. Workers import this file, so it imports little."""

from __future__ import annotations

import math
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from ray import tune


def faulty(config: dict[str, Any]) -> None:
    """What `config["fault"]` says; with `heals`, at the first attempt only."""
    fault, marker = config["fault"], Path(config["folder"]) / "tried"
    for epoch in (1, 2, 3):
        if epoch == 2:
            match fault:
                case "raises":
                    raise ValueError("boom")
                case "dies":
                    os._exit(3)
                case "hangs":
                    time.sleep(1000)
                case "exhausts":
                    exhaust_memory()
                case "forgets":
                    tune.report({"epoch": epoch, "accuracy": 0.5})
                    continue
                case "heals" if not marker.exists():
                    marker.touch()
                    raise ValueError("not yet")
        if fault != "silent":
            tune.report({"epoch": epoch, "accuracy": math.nan if fault == "nan" else 0.5, "spikes": 10.0 + epoch})


def exhaust_memory() -> None:
    """Ask for more than a limit that is a little above what the process has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + 2**28, before[1]))
    try:
        np.zeros(2**32)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def fills(config: dict[str, Any]) -> None:
    """Writes a checkpoint after each epoch, until there is no room."""
    for epoch in range(1, 9):
        (Path(config["folder"]) / f"{os.getpid()}-{epoch}").write_bytes(bytes(300_000))
        tune.report({"epoch": epoch, "accuracy": 0.5, "spikes": 10.0})


def curve(config: dict[str, Any]) -> None:
    for epoch in range(1, 9):
        tune.report({"epoch": epoch, "accuracy": config["x"] - 1 / epoch, "spikes": 100.0 + config["y"]})
