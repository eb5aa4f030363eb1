"""Mutants of a run's files, opened by every command that reads; a process of its own: `python -m tests.search.fuzzing`.

Prints one JSON object: how many mutants there were, how the commands ended, and what went wrong, which must be nothing.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from tests.search.command_line import Result, xoresnet
from xoresnet.errors import XOResNetError
from xoresnet.results import load

LANDED = Path(__file__).parents[1] / "landed" / "run"
MEMORY = 2 << 30
SEEN = ("trials", "history", "layers", "confirmed")
_WORDS = (b"null", b"[]", b"{}", b"-1", b"1e999", b"NaN", b"9" * 11, b'"x"', b"os.system", b"true", b"", b"\xff")
Mutation = Callable[[Random, bytes], bytes]


def _flip(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << random.randrange(8)]) + content[place + 1 :]


def _zero(random: Random, content: bytes) -> bytes:
    place, length = random.randrange(len(content)), random.choice((1, 16, 512))
    return content[:place] + bytes(min(length, len(content) - place)) + content[place + length :]


def _cut(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content))]


def _remove(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content))
    return content[:place] + content[place + random.choice((1, 7, 100)) :]


def _double(random: Random, content: bytes) -> bytes:
    place, length = random.randrange(len(content)), random.choice((1, 7, 100))
    return content[: place + length] + content[place:]


def _lines(random: Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    what = random.randrange(3)
    if what == 0:
        del lines[first]
    elif what == 1:
        lines.insert(first, lines[second])
    else:
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def _value(random: Random, content: bytes) -> bytes:
    matches = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?|\"[^\"\n]*\"|\b[a-z][\w.-]*\b", content))
    if not matches:
        return _flip(random, content)
    match = random.choice(matches)
    return content[: match.start()] + random.choice(_WORDS) + content[match.end() :]


MUTATIONS: tuple[Mutation, ...] = (_flip, _zero, _cut, _remove, _double, _lines, _value, _value)


def files_of(run: Path) -> list[Path]:
    return sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file() and path.name != ".lock")


def facts(frames: Any) -> dict[str, pd.DataFrame]:
    return {name: getattr(frames, name) for name in SEEN}


class Fuzz:
    """Mutants of one run, which is given whole."""

    def __init__(self, whole: Path, seed: int, scratch: Path) -> None:
        self.whole, self.scratch, self.random = whole, scratch, Random(seed)
        self.good = load(whole)
        self.files = files_of(whole)
        self.ends: Counter[str] = Counter()
        self.failures: list[str] = []
        self.mutants = 0

    def try_mutant(self, number: int) -> None:
        run = self.scratch / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self.whole, run)
        small = [file for file in self.files if "weights" not in file.name]
        file = self.random.choice(small if number % 8 else self.files)
        mutation = self.random.choice(MUTATIONS)
        before = (run / file).read_bytes()
        after = mutation(self.random, before)
        if after == before:
            return
        (run / file).write_bytes(after)
        self.mutants += 1
        label = f"mutant {number}: {file} {mutation.__name__}"
        others = {other: (run / other).read_bytes() for other in self.files if other != file}
        for words in self._commands(run, number):
            self._read(label, *words)
        self._check_files(label, run, others)
        if str(file) != "config.yaml":
            self._check_repair(label, run, file)

    def _commands(self, run: Path, number: int) -> list[tuple[str, ...]]:
        output = str(self.scratch / "output")
        commands = [("status", str(run)), ("front", str(run), "--json")]
        if number % 4 == 0:
            commands.append(("export", str(run), "--output", output))
        if number % 10 == 0:
            commands += [("report", str(run), "--output", f"{output}.html"), ("front", str(run), "--csv")]
        return commands

    def _read(self, label: str, *words: str) -> Result | None:
        try:
            result = xoresnet(*words)
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.failures.append(f"{label}: {words[0]}: {type(error).__name__}: {error} at {where.name}:{where.lineno}")
            return None
        self.ends[f"{words[0]} {result.code}"] += 1
        sentences = result.err.splitlines()
        if result.code not in (0, 1, 2) or (result.code and not sentences) or "Traceback" in result.err:
            self.failures.append(f"{label}: {words[0]} ended with {result.code}: {result.err[:300]}")
        if result.code and sum(line.startswith("error: ") for line in sentences) != len(sentences):
            self.failures.append(f"{label}: {words[0]} said more than its error: {result.err[:300]}")
        return result

    def _check_files(self, label: str, run: Path, others: dict[Path, bytes]) -> None:
        """What was not mutated is as it was; tables may be written anew, with the same trials."""
        tables = {Path(name) for name in ("front.csv", *(f"{table}.parquet" for table in SEEN))}
        for other, content in others.items():
            if not (run / other).exists() or ((run / other).read_bytes() != content and other not in tables):
                self.failures.append(f"{label}: {other} has changed")

    def _check_repair(self, label: str, run: Path, file: Path) -> None:
        """After a repair all finished trials are there, with their figures."""
        if str(file.parent) != "." or file.name == "environment.json":
            return
        result = self._read(label, "repair", str(run))
        if result is None or result.code:
            self.failures.append(f"{label}: not repaired: {result.err[:200] if result else ''}")
            return
        try:
            repaired = load(run)
        except XOResNetError as error:
            self.failures.append(f"{label}: after the repair: {error}")
            return
        for name, frame in facts(self.good).items():
            keys = ["arch_id", "seed"] if name == "confirmed" else ["trial_id"]
            figures = [*keys, "arch_id", *(c for c in frame if str(frame[c].dtype) == "float64")]
            want, got = (
                each[list(dict.fromkeys(figures))].sort_values(keys, kind="stable", ignore_index=True)
                for each in (frame, getattr(repaired, name))
            )
            try:
                pd.testing.assert_frame_equal(want, got)
            except AssertionError as error:
                self.failures.append(f"{label}: lost in {name}: {' '.join(str(error).split())[:200]}")


def main(seed: int, mutants: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    os.environ["COLUMNS"] = "200"
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old", "run"), Path(folder, "new", "run")
        shutil.copytree(LANDED, old)
        shutil.copytree(LANDED, new)
        for journal in ("study.journal", "confirm.journal"):  # its lines have no guard, those of today have one
            (new / journal).unlink()
        xoresnet("repair", str(new))
        shutil.rmtree(new / "before-repair")
        failures, ends, count = [], Counter[str](), 0
        for place, whole in enumerate((old, new)):
            fuzz = Fuzz(whole, seed + place, Path(folder))
            for number in range(mutants // 2):
                fuzz.try_mutant(number)
            failures += [f"{whole.parent.name} {failure}" for failure in fuzz.failures]
            ends += fuzz.ends
            count += fuzz.mutants
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"mutants": count, "ends": dict(sorted(ends.items())), "peak_mib": peak, "failures": failures}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
