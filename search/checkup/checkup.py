"""`check_up`: examine this machine, or the cluster on which a search would run."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from xoresnet.data.spec import DataSpec
from xoresnet.errors import RunError, XOResNetError
from xoresnet.files.remote import RemoteError
from xoresnet.files.secrets import hidden_address
from xoresnet.search.checkup.faults import NodeFault, faults_of_machine, faults_of_node
from xoresnet.search.checkup.node import examine_node
from xoresnet.search.checkup.storage import Marker, Storage, marked, saved_config, storage_facts
from xoresnet.search.checkup.visit import facts_of, visit
from xoresnet.search.checkup.worker import Question
from xoresnet.search.folders.disk_space import DiskSpace

__all__ = ["Checkup", "check_up"]

_SECONDS, _SECONDS_WITH_DATA = 120.0, 600.0
"""How long a machine may take to answer; with data sets, which it may have to decode."""


class Checkup(NamedTuple):
    """Plain values, and what is wrong."""

    address: str | None
    """Of the cluster; None for this machine alone."""
    cluster: dict[str, Any] | None
    """`asks_for_token`, None if that is not known; None for this machine alone, and where a cluster lets us not in."""
    run: dict[str, Any] | None
    """`place`, `holds_search`, `writes`, `in_use`, `free_bytes`: the place of the run as this machine sees it."""
    nodes: list[dict[str, Any]]
    """The facts of this machine, which comes first, and of each node of the cluster."""
    faults: list[NodeFault]

    def as_dict(self) -> dict[str, Any]:
        return {**self._asdict(), "faults": [fault._asdict() for fault in self.faults]}


def check_up(
    address: str | None = None,
    run: str | None = None,
    data: Sequence[DataSpec] = (),
    *,
    seconds: float | None = None,
    begin: Callable[[str], None] = lambda step: None,
) -> Checkup:
    """Examine this machine, or with an address, or `RAY_ADDRESS`, each node of the cluster there.

    run: the folder or URL of a run, which need not exist yet; its data set is read on each machine, as are those in
    `data`. seconds: how long each machine may take to answer. begin: called with a few words before each step.
    Raises `UsageError` for an address that is none.
    """
    target = address or os.environ.get("RAY_ADDRESS") or None
    target = None if target == "local" else target
    name, faults = socket.gethostname(), list[NodeFault]()
    with ExitStack() as stack:
        begin("examining this machine")
        place, marker, saved = _open_place(run, name, faults, stack)
        specs = [_located(spec) for spec in (*saved, *data)]
        limit = seconds or (_SECONDS_WITH_DATA if specs else _SECONDS)
        question = Question(limit, tuple(spec.model_dump_json() for spec in specs), marker)
        here = facts_of(name, examine_node(question._replace(marker=None)))
        seen = visit(target, here, question, begin, _answer_remedy(target, is_named=address is not None))
    faults += seen.faults
    faults += faults_of_node(here, here) if target is None else faults_of_machine(here)
    for node in seen.nodes:
        faults += [*faults_of_node(node, here), *_faults_of_run(node)]
    return Checkup(target, seen.cluster, place, [here, *seen.nodes], faults)


def _answer_remedy(target: str | None, *, is_named: bool) -> str:
    """For a cluster that does not answer, or for Ray on this machine."""
    if target is None:
        return "see that /tmp can be written and that memory is free, and try again"
    begin = "start one there (ray start --head), check the address, and open its ports in firewalls"
    return begin if is_named else f"{begin}; or unset RAY_ADDRESS to work on this machine alone"


# the run


def _open_place(
    run: str | None, name: str, faults: list[NodeFault], stack: ExitStack
) -> tuple[dict[str, Any] | None, Marker | None, list[DataSpec]]:
    """What is known of the place of the run, a marker in it until the stack is closed, and the run's data set."""
    if run is None:
        return None, None, []
    shown = hidden_address(run)
    facts: dict[str, Any] = {"place": shown, "holds_search": None, "writes": None, "in_use": None, "free_bytes": None}
    specs: list[DataSpec] = []
    try:
        storage = Storage(run)
        saved = saved_config(storage)
        facts |= {**storage_facts(storage), "holds_search": saved is not None}
        specs = [] if saved is None else [DataSpec.from_dict(saved.get("data") or {})]
    except RemoteError as error:
        faults.append(NodeFault(name, str(error), f"check the address; {_URL_REMEDY}"))
        return facts, None, specs
    except XOResNetError as error:
        faults.append(NodeFault(name, str(error), "choose another place for the run"))
        return facts, None, specs
    try:
        marker = stack.enter_context(marked(storage))
    except RunError as error:
        remedy = _URL_REMEDY if storage.remote is not None else _folder_remedy(str(error))
        faults.append(NodeFault(name, str(error), remedy))
        return {**facts, "writes": False}, None, specs
    shortage = "" if storage.folder is None else DiskSpace(storage.folder).shortage(())
    if shortage:
        faults.append(NodeFault(name, shortage, "free space there, or choose another place for the run"))
    return {**facts, "writes": True}, marker, specs


def _located(spec: DataSpec) -> DataSpec:
    """For processes that work in other folders. Raises `UsageError` for a data set that does not exist."""
    try:
        return spec.located()
    except ImportError:  # torch is broken here, which the examination will tell
        return spec


_URL_REMEDY = "give that machine credentials for this address, with the right to write, read and delete there"


def _folder_remedy(sentence: str) -> str:
    """For a folder that cannot be written; only a right that is missing can be given."""
    other = "choose another place for the run"
    is_right = os.strerror(errno.EACCES) in sentence or os.strerror(errno.EPERM) in sentence
    return f"give the user of this process the right to write there, or {other}" if is_right else other


def _faults_of_run(node: Mapping[str, Any]) -> list[NodeFault]:
    """Only of a URL: what trials write for a run in a folder comes through Ray."""
    fault = (node.get("run") or {}).get("fault")
    return [NodeFault(node["name"], fault, _URL_REMEDY)] if fault else []
