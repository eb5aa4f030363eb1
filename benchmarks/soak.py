"""Repeatedly kill the driver of a search on digits with SIGKILL at random moments, and resume it.

    python benchmarks/kill_and_resume.py [--kills 20] [--trials 40] [--seed 0]

After each kill, the study must contain everything that it contained before, value for value. When a search ends,
exactly the requested number of trials must be finished, none twice, none lost, none RUNNING. If a search ends before it
was killed often enough, another one starts. Prints one line per kill, and exits with status 1 at the first violation.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from optuna.trial import TrialState

from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.attributes import ARCH_ID, DUPLICATE
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.trials import TrialRecord

SPACE = """
space:
  arch: {input_shape: [1, 8, 8], num_classes: 10, depth: [8, 14], width: [4, 8, 12], merge: [or, add, oa, current],
         xor: [none, middle], timesteps: [1, 2, 3]}
data: digits
recipe: {precision: fp32, batch_size: 128}
sampler: random
epochs: 8
"""
COMMAND = [sys.executable, "-W", "ignore", "-c", "from xoresnet.search.cli import run; run()", "search", "space.yaml"]


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
        assert {name: now_attrs[name] for name in attrs if name != "retried_after"} == {
            name: value for name, value in attrs.items() if name != "retried_after"
        }, f"trial {number} lost or changed a report"
        if state.is_finished():
            assert (now_state, now_values, now_attrs) == (state, values, attrs), f"trial {number} changed"


def check_whole(folder: Path, trials: int) -> None:
    config = RunFolder(folder).saved_config()
    assert config is not None
    study = look_at_study(config, folder)
    assert study is not None
    recorded = study.get_trials(deepcopy=False)
    finished = [trial for trial in recorded if TrialRecord(trial).counts_as_finished]
    assert len(finished) == trials, f"{len(finished)} trials are finished, not {trials}"
    assert not any(trial.state == TrialState.RUNNING for trial in recorded), "a trial is RUNNING"
    ids = [trial.user_attrs[ARCH_ID] for trial in finished]
    assert len(set(ids)) == len(ids), "a network was trained twice"
    assert all(trial.state != TrialState.FAIL or DUPLICATE in trial.user_attrs for trial in recorded), "a trial failed"


def kill_some_time(process: subprocess.Popen[bytes], journal: Path, random: Random) -> bool:
    """Kill a search within 8 s of its first new report, or, one time in four, of its start; False if it ended first."""
    before = size(journal)
    if random.random() < 0.75:
        while process.poll() is None and size(journal) < before + 2000:  # about the length of a report
            time.sleep(0.05)
    try:
        process.wait(timeout=random.uniform(0, 8))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def search(folder: Path, trials: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, f"trials={trials}", "--run", str(folder)],
        cwd=folder.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random = Random(arguments.seed)
    kills, searches = 0, 0
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "space.yaml").write_text(SPACE)
        while kills < arguments.kills:
            folder, known = Path(place) / f"run{searches}", {}
            searches += 1
            while kills < arguments.kills:
                process, start = search(folder, arguments.trials), time.monotonic()
                if not kill_some_time(process, folder / "study.journal", random):
                    break
                wait = time.monotonic() - start
                kills += 1
                recorded = record(folder)
                check_kept(known, recorded)
                known = recorded
                finished = sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state, *_ in recorded.values())
                running = sum(state == TrialState.RUNNING for state, *_ in recorded.values())
                print(f"kill {kills} after {wait:.1f} s: {finished} finished, {running} were running", flush=True)
                time.sleep(0.5)
            code = search(folder, arguments.trials).wait()
            assert code == 0, f"the last command ended with {code}"
            check_kept(known, record(folder))
            check_whole(folder, arguments.trials)
            print(f"search {searches}: exactly {arguments.trials} trials finished, none twice, none lost", flush=True)


if __name__ == "__main__":
    main()
