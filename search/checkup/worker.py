"""A process that does what a trial does, as far as an examination needs it: imports, GPUs, files of a run, data sets.

It is a process of its own, because each of these may hang or crash, and because what it takes is measured. It is asked
on stdin, by a `Question` in JSON, and answers on stdout, a line of JSON for each section as soon as it is done.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from xoresnet.search.checkup.reasons import in_few_words

__all__ = ["SECTIONS", "Question"]


class Question(NamedTuple):
    """What a machine is asked."""

    seconds: float
    """How long the process may take."""
    data: tuple[str, ...] = ()
    """The data sets to read, each a `DataSpec` in JSON; without any, those that are there are listed."""
    marker: tuple[str, str, str] | None = None
    """The fields of a `Marker`, which the driver has written at the URL of a run; None without a URL."""
    temp_folder: str | None = None


def _trial(_: Question) -> dict[str, Any]:
    """Whether everything that a trial imports is there, and the memory that this process then takes for itself."""
    fault = ""
    try:
        import_module("xoresnet.search.execution.worker.trainable")
    except Exception as error:
        fault = f"{type(error).__name__}: {in_few_words(error)}"
    return {"fault": fault, "memory_bytes": _own_memory()}


def _own_memory() -> int:
    """Bytes; without what processes share, such as the code of libraries, where the system tells that apart."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("RssAnon:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _gpus(_: Question) -> dict[str, Any]:
    """Each GPU as torch sees it, after a computation on it; fault: why torch finds none."""
    import torch  # here, because it may be what is broken

    devices = [_gpu(torch, number) for number in range(torch.cuda.device_count())]
    fault = ""
    if not devices:
        try:
            torch.zeros(1, device="cuda")
        except (RuntimeError, AssertionError) as error:  # the latter if torch was built without CUDA
            fault = in_few_words(error).partition(". ")[0]  # torch also says whom to ask
    return {"devices": devices, "fault": fault}


def _gpu(torch: Any, number: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": None, "memory_bytes": None, "free_bytes": None, "fault": ""}
    try:
        facts["name"] = torch.cuda.get_device_name(number)
        facts["free_bytes"], facts["memory_bytes"] = torch.cuda.mem_get_info(number)
        (torch.zeros(1, device=f"cuda:{number}") + 1).item()
    except RuntimeError as error:
        facts["fault"] = in_few_words(error)
    return facts


def _run(question: Question) -> dict[str, Any] | None:
    if question.marker is None:
        return None
    storage = import_module("xoresnet.search.checkup.storage")
    facts: dict[str, Any] = storage.look_from_node(storage.Marker(*question.marker))
    return facts


def _data(question: Question) -> list[dict[str, Any]]:
    load = import_module("xoresnet.data.load")
    if not question.data:
        found = [status for status in load.data_status() if status.place is not None]
        return [_data_set(status.name, status.place) for status in found]
    return [_read(spec) for spec in question.data]


def _read(text: str) -> dict[str, Any]:
    spec = import_module("xoresnet.data.spec").DataSpec.from_dict(json.loads(text))
    try:
        data = spec.load()
    except (OSError, ValueError, ImportError) as error:
        return _data_set(spec.name, None, fault=in_few_words(error))
    return _data_set(spec.name, data.place, data.fingerprint)


def _data_set(name: str, place: object, fingerprint: str | None = None, fault: str = "") -> dict[str, Any]:
    shown = None if place is None else str(place)
    return {"name": name, "place": shown, "fingerprint": fingerprint, "fault": fault}


SECTIONS: dict[str, Callable[[Question], Any]] = {"trial": _trial, "gpus": _gpus, "run": _run, "data": _data}
"""What is answered, in this order."""


def _answer() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    question = Question(*json.loads(sys.stdin.read()))
    signal.alarm(int(question.seconds) + 5)  # also where the process that has asked is gone
    for name, section in SECTIONS.items():
        try:
            line = {"section": name, "value": section(question)}
        except Exception as error:
            line = {"section": name, "error": f"{type(error).__name__}: {in_few_words(error)}"}
        answers.write(json.dumps(line) + "\n")
        answers.flush()
    os._exit(0)  # libraries that were half imported may not end


if __name__ == "__main__":
    _answer()
