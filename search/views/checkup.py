"""What an examination has found, on a terminal: a table for each machine, then the faults with their remedies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from xoresnet.files.disk import size_text
from xoresnet.search.views.console import print_table
from xoresnet.search.views.messages import say
from xoresnet.search.views.words import counted

if TYPE_CHECKING:
    from xoresnet.search.checkup.checkup import Checkup

__all__ = ["print_checkup"]

Facts = Mapping[str, Any]
_UNKNOWN = "unknown"


def print_checkup(found: Checkup) -> None:
    """Print everything; the last line tells how many faults there are."""
    for node in found.nodes:
        say("", heading=_title(node, in_cluster=found.address is not None))
        print_table(_table(_rows(node)))
        say()
    rows = [*_cluster_rows(found), *_run_rows(found.run)]
    if rows:
        print_table(_table(rows))
        say()
    for fault in found.faults:
        say(f"{fault};\n  {fault.remedy}\n")
    say(counted(len(found.faults), "fault") if found.faults else "nothing is wrong")


def _title(node: Facts, *, in_cluster: bool) -> str:
    if not in_cluster:
        return f"{node['name']} (this machine)"
    return f"{node['name']} (this machine, which runs no trials itself)" if node["is_driver"] else str(node["name"])


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(f"  {name}"), Text(value))
    return table


def _rows(node: Facts) -> list[tuple[str, str]]:
    if "silent" in node:
        return [("state", node["silent"])]
    versions = [f"{name} {version or 'missing'}" for name, version in node["versions"].items()]
    return [
        ("versions", ", ".join(versions)),
        ("CPUs", _cpus(node["cpus"])),
        ("GPUs", _gpus(node["gpus"])),
        ("memory", _memory(node)),
        ("object store", _object_store(node)),
        ("temporary files", f"{_free(node['temp'])} in {node['temp']['folder']}"),
        ("open files", "any number" if node["open_files"] is None else f"{node['open_files']:,} for each process"),
        *_clock(node),
        ("data sets", _data(node["data"])),
        *_shared(node),
    ]


def _cpus(cpus: Facts) -> str:
    texts = [f"{_number(cpus['usable'])} usable of {_number(cpus['present'])}"]
    return "; ".join([*texts, *([f"Ray counts {cpus['ray']:g}"] if cpus["ray"] is not None else [])])


def _gpus(gpus: Facts | None) -> str:
    if gpus is None:
        return _UNKNOWN
    names = [f"{device['name']} ({_free(device)} of {_size(device['memory_bytes'])})" for device in gpus["devices"]]
    counts = [f"Ray counts {gpus['ray']:g}"] if gpus.get("ray") is not None else []
    return "; ".join([", ".join(names) or "none that torch finds", *counts])


def _memory(node: Facts) -> str:
    memory, each = node["memory"], (node["trial"] or {}).get("memory_bytes")
    needs = f"; a trial takes {_size(each)} before it trains" if each else ""
    return f"{_size(memory['available_bytes'])} available of {_size(memory['total_bytes'])}{needs}"


def _object_store(node: Facts) -> str:
    store, shared = node["object_store"], node["shared_memory"]
    texts = [f"{_size(store['bytes'])} in {store['folder'] or _UNKNOWN}"] if store["bytes"] else []
    texts += [f"{_free(shared)} of {_size(shared['total_bytes'])} in /dev/shm"] if shared else []
    return "; ".join(texts) or _UNKNOWN


def _clock(node: Facts) -> Iterator[tuple[str, str]]:
    if not node["is_driver"]:
        skew = node["clock_skew_seconds"]
        yield "clock", _UNKNOWN if skew is None else f"{skew:+.2f} s from this machine's"


def _data(data: list[Facts] | None) -> str:
    if data is None:
        return _UNKNOWN
    texts = [
        f"{each['name']} ({each['fingerprint']})" if each["fingerprint"] else each["name"]
        for each in data
        if not each["fault"]
    ]
    return ", ".join(texts) or "none"


def _shared(node: Facts) -> Iterator[tuple[str, str]]:
    """Whether a node of a cluster can use the URL of the run; its files for a folder come through Ray."""
    run = node["run"]
    if run is not None:
        yield "run", "can be read and written" if run["writes"] else "can be read" if run["sees"] else "cannot be read"


def _cluster_rows(found: Checkup) -> Iterator[tuple[str, str]]:
    if found.cluster is not None:
        asks = found.cluster["asks_for_token"]
        answer = {True: "asks for a token", False: "asks for no token", None: "may ask for a token"}[asks]
        yield "cluster", f"{found.address}, {answer}"


def _run_rows(run: Facts | None) -> Iterator[tuple[str, str]]:
    if run is None:
        return
    texts = [
        {True: "holds a search", False: "holds nothing yet", None: "holds no search that can be read"}[
            run["holds_search"]
        ]
    ]
    texts += ["another process is working there"] if run["in_use"] else []
    if run["writes"] is not None:
        texts.append("can be written from here" if run["writes"] else "cannot be written from here")
    texts += [_free(run)] if run["free_bytes"] is not None else []
    yield "run", run["place"]
    yield "", "; ".join(texts)


def _free(space: Facts) -> str:
    return f"{_size(space['free_bytes'])} free"


def _size(count: float | None) -> str:
    return _UNKNOWN if count is None else size_text(int(count))


def _number(number: float | None) -> str:
    return _UNKNOWN if number is None else f"{number:g}"
