"""Searches on digits, each disturbed again and again at random moments, resumed, and run to its end.

    python benchmarks/soak.py [--minutes 20] [--budget 10] [--seed 0]

Every other search runs on a cluster of two nodes that is started on this machine. After each fault the study must
contain everything that it contained before, value for value; a command that was disturbed must end within two minutes,
with an exit code that fits and without a traceback, unless it survives. When a search ends, its budget must be spent
and no more, and no trial may be lost, RUNNING, or of a network that another one trained. Prints a line for each fault
and a tally. The first violation ends it with status 1. Filling the disk needs the right to mount one; else that fault
is left out.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from optuna.trial import TrialState

from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.attributes import ARCH_ID
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.spending import spent_trainings
from xoresnet.search.study.trials import TrialRecord

SPACE = """
space:
  arch: {input_shape: [1, 8, 8], num_classes: 10, depth: [8, 14], width: [4, 8, 12], merge: [or, add, oa, current],
         xor: [none, middle], timesteps: [1, 2, 3]}
data: digits
recipe: {precision: fp32, batch_size: 128}
epochs: 8
retries: 9
"""
SEARCH = [sys.executable, "-W", "ignore", "-c", "from xoresnet.search.cli import run; run()", "search", "space.yaml"]
NODE = [
    sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats",
    "--object-store-memory=100000000", "--node-ip-address=127.0.0.1",
]  # fmt: skip
CHANGING = ("retried_after", "paused_at")
"""Attributes that change while a trial lives."""
STUCK = 120.0
"""Seconds within which a disturbed command must have ended."""


class Search(NamedTuple):
    """A search that runs."""

    process: subprocess.Popen[str]
    place: Path
    """The folder of the run's folder, on a disk of its own where one can be mounted."""
    nodes: list[subprocess.Popen[bytes]]
    """Of its cluster, the head first; empty if it has a node of its own."""

    @property
    def run(self) -> Path:
        return self.place / "run"

    def ray(self) -> list[int]:
        """The processes of its own node: the first of their session first."""
        node = pids("pgrep", "-P", str(self.process.pid), "-f", "own_node")
        return [*node, *(pid for first in node for pid in pids("pgrep", "-s", str(first)) if pid != first)]


def pids(*words: str) -> list[int]:
    return [int(pid) for pid in subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()]


# what happens to a search; each returns the exit codes with which it may end, empty if it must go on


def kill_driver(search: Search) -> set[int]:
    search.process.kill()
    return {-9}


def interrupt_driver(search: Search) -> set[int]:
    search.process.send_signal(signal.SIGINT)
    return {130}


def terminate_group(search: Search) -> set[int]:
    os.killpg(search.process.pid, signal.SIGTERM)
    return {143}


def terminate_all(search: Search) -> set[int]:
    for pid in [*search.ray(), search.process.pid]:
        os.kill(pid, signal.SIGTERM)
    return {143}


def kill_worker(search: Search) -> set[int]:
    for worker in pids("pgrep", "-f", "ray::ImplicitFunc")[:1]:
        os.kill(worker, signal.SIGKILL)
    return set()


def kill_head(search: Search) -> set[int]:
    """All of Ray at once, as when its machine loses power."""
    os.killpg(search.nodes[0].pid if search.nodes else search.ray()[0], signal.SIGKILL)
    return {1}


def kill_node(search: Search) -> set[int]:
    os.killpg(search.nodes[1].pid, signal.SIGKILL)
    return set()


def move_run(search: Search) -> set[int]:
    search.run.rename(search.place / "moved")
    return {1}


def damage_checkpoint(search: Search) -> set[int]:
    """And kill the driver, so that the checkpoint is read."""
    search.process.kill()
    for checkpoint in sorted(search.run.glob("trials/*/checkpoint.safetensors"))[:1]:
        checkpoint.write_bytes(checkpoint.read_bytes()[: checkpoint.stat().st_size // 2])
    return {-9}


def fill_disk(search: Search) -> set[int]:
    filler = search.place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    return {1}


Fault = Callable[[Search], set[int]]
ALONE: list[Fault] = [
    kill_driver, interrupt_driver, terminate_group, terminate_all, kill_worker, kill_head, move_run, damage_checkpoint,
]  # fmt: skip
ON_A_CLUSTER: list[Fault] = [kill_driver, interrupt_driver, terminate_group, kill_worker, kill_head, kill_node]


def put_right(search: Search) -> None:
    """What a user does before the command is repeated."""
    (search.place / "filler").unlink(missing_ok=True)
    if (search.place / "moved").exists():
        assert not search.run.exists(), "a run that was moved was made again where it was"
        (search.place / "moved").rename(search.run)


# what must hold


def record(folder: Path) -> dict[int, Any]:
    """State, values, parameters and attributes of every trial in the study."""
    run = RunFolder(folder)
    config = run.saved_config() if (folder / "config.yaml").exists() else None
    study = look_at_study(config, folder) if config is not None else None
    return {
        trial.number: (trial.state, trial.values, trial.params, dict(trial.user_attrs))
        for trial in (study.get_trials(deepcopy=False) if study is not None else [])
    }


def check_kept(before: dict[int, Any], after: dict[int, Any]) -> None:
    """Finished trials must be unchanged, and running trials must have kept all their reports."""
    for number, (state, values, params, attrs) in before.items():
        now_state, now_values, now_params, now_attrs = after[number]
        assert {name: now_params[name] for name in params} == params, f"trial {number} has other parameters"
        assert {name: now_attrs[name] for name in attrs if name not in CHANGING} == {
            name: value for name, value in attrs.items() if name not in CHANGING
        }, f"trial {number} lost or changed a report"
        if state.is_finished():
            assert (now_state, now_values, now_attrs) == (state, values, attrs), f"trial {number} changed"


def check_whole(folder: Path, budget: float) -> None:
    config = RunFolder(folder).saved_config()
    assert config is not None
    study = look_at_study(config, folder)
    assert study is not None
    recorded = [TrialRecord(trial) for trial in study.get_trials(deepcopy=False)]
    finished = [trial for trial in recorded if trial.counts_as_finished]
    spent = spent_trainings(study)
    assert budget - 1 < spent <= budget, f"{spent} full trainings were spent, not {budget}"
    assert not any(trial.is_running for trial in recorded), "a trial is RUNNING"
    ids = [trial.attributes[ARCH_ID] for trial in finished]
    assert len(set(ids)) == len(ids), "a network was trained twice"
    assert not any(trial.state == TrialState.FAIL and not trial.is_answered for trial in recorded), "a trial failed"
    for trial in finished:
        weights = RunFolder(folder).trial(trial.number, trial.arch_id).weights
        assert trial.is_pruned or weights.exists(), f"trial {trial.number} is complete and has no weights"


# running


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """A small disk of its own in this folder; False if none may be mounted."""
    words = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def start_cluster(folder: str) -> tuple[str, list[subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    joined = [f"--address=127.0.0.1:{port}"]
    head = [f"--port={port}", "--head", "--include-dashboard=false", f"--temp-dir={folder}"]
    nodes = []
    for words in (head, joined):
        nodes.append(
            subprocess.Popen(
                [*NODE, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
    return f"127.0.0.1:{port}", nodes


def stop_cluster(nodes: list[subprocess.Popen[bytes]]) -> None:
    for node in reversed(nodes):
        if node.poll() is None:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait()


def reports(run: Path) -> int:
    journal = run / "study.journal"
    return journal.read_bytes().count(b'"report:') if journal.exists() else 0


def disturb(search: Search, fault: Fault, random: Random) -> str:
    """Wait for a moment, put the fault in, and wait for the end; returns what came of it."""
    before, end = reports(search.run), time.monotonic() + 90
    if random.random() < 0.8:  # else at any moment of the start
        while search.process.poll() is None and reports(search.run) <= before and time.monotonic() < end:
            time.sleep(0.05)
    try:
        search.process.wait(timeout=random.uniform(0, 6))
        return "had ended"
    except subprocess.TimeoutExpired:
        pass
    try:
        expected = fault(search)
    except (OSError, IndexError):  # too early: there is no folder, node or worker yet
        return "too early"
    if not expected:
        return "went on"
    began = time.monotonic()
    try:
        _, errors = search.process.communicate(timeout=STUCK)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"stuck after {fault.__name__}") from None
    assert "Traceback" not in errors, errors
    codes = {*expected, 0, -2, -15}  # all was done, or Python had not started yet
    seconds = time.monotonic() - began
    assert search.process.returncode in codes, (search.process.returncode, errors)
    assert search.process.returncode or seconds < 15, f"{fault.__name__} went unheard"
    return f"ended with {search.process.returncode} within {seconds:.1f} s"


def soak(budget: float, random: Random, on_cluster: bool, until: float, tally: Counter[str]) -> None:
    """One search, disturbed until it has ended or time is up, and then run to its end."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        faults = list(ON_A_CLUSTER if on_cluster else ALONE)
        if stack.enter_context(disk(place)) and not on_cluster:
            faults.append(fill_disk)
        (place / "space.yaml").write_text(SPACE)
        ray_folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        address, nodes = start_cluster(ray_folder) if on_cluster else ("", [])
        stack.callback(lambda: stop_cluster(nodes))
        known: dict[int, Any] = {}

        def begin() -> Search:
            nonlocal address, nodes
            if on_cluster and any(node.poll() is not None for node in nodes):
                stop_cluster(nodes)
                address, nodes = start_cluster(ray_folder)
            more = ["--address", address] if on_cluster else []
            words = [*SEARCH, f"budget={budget}", "--run", str(place / "run"), *more]
            process = subprocess.Popen(
                words, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, process_group=0
            )
            return Search(process, place, nodes)

        search = begin()
        while time.monotonic() < until:
            fault = random.choice(faults)
            result = disturb(search, fault, random)
            tally[f"{fault.__name__}: {result.partition(' within')[0]}"] += 1
            put_right(search)
            if search.process.poll() is not None:
                recorded = record(search.run)
                check_kept(known, recorded)
                known = recorded
                done = sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state, *_ in recorded.values())
                print(f"  {fault.__name__}: {result}; {done} finished", flush=True)
                if result == "had ended":
                    break
                search = begin()
            else:
                print(f"  {fault.__name__}: {result}", flush=True)
        search.process.communicate()
        last = begin()
        _, errors = last.process.communicate(timeout=600)
        assert last.process.returncode == 0, errors
        check_kept(known, record(last.run))
        check_whole(last.run, budget)


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background deaf to it
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--budget", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    random, tally, searches = Random(arguments.seed), Counter[str](), 0
    until = time.monotonic() + 60 * arguments.minutes
    while time.monotonic() < until:
        on_cluster = searches % 2 == 1
        print(f"search {searches + 1}, {'on a cluster' if on_cluster else 'on this machine'}", flush=True)
        soak(arguments.budget, random, on_cluster, until, tally)
        searches += 1
        print(f"  a budget of {arguments.budget:g} spent, nothing twice, nothing lost", flush=True)
    for name, count in sorted(tally.items()):
        print(f"{count:4}  {name}")
    print(f"{sum(tally.values())} faults in {searches} searches: lost 0, twice 0, stuck 0")


if __name__ == "__main__":
    main()
