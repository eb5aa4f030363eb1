"""Trainables that misbehave, or report made-up figures. Workers import this file, so it imports little."""

from __future__ import annotations

import math
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import ray
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


def paced(config: dict[str, Any]) -> None:
    """Reports where it runs; each epoch leaves a checkpoint and a line in a log, and the second one waits for a file.

    A trial that `needs` more of a GPU than it has runs out of memory; one that `dies` ends its worker, once.
    """
    context = ray.get_runtime_context()
    gpus = [amount for name, amount in context.get_assigned_resources().items() if name.startswith("GPU")]
    if max(gpus, default=0.0) < config["needs"]:
        raise RuntimeError("CUDA error: out of memory")
    files = [Path(config["folder"], f"{config['number']}.{name}") for name in ("checkpoint", "log", "died")]
    checkpoint, log, died = files
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    where = {"node_id": context.get_node_id(), "gpu": ",".join(context.get_accelerator_ids()["GPU"])}
    for epoch in range(done + 1, config["epochs"] + 1):
        began = time.time()
        if config["dies"] and not died.exists():
            died.touch()
            os._exit(3)
        while epoch == 2 and not Path(config["folder"], config["waits"]).exists():
            time.sleep(0.05)
        with log.open("a") as lines:
            lines.write(str(epoch))
        checkpoint.write_text(str(epoch))
        tune.report({"epoch": epoch, "accuracy": 0.5, "spikes": 9.0, **where, "began": began, "ended": time.time()})


def answers(question: object) -> str:
    """A node that can run trials, whether or not it has the GPUs that Ray was told of."""
    return ""
