"""Small inputs that would cost gigabytes or hours: each is refused with a sentence, at once and in little memory."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from xoresnet import limits
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError, UsageError, XOResNetError, YamlError
from xoresnet.files.small import read_small
from xoresnet.files.yaml_text import read_yaml
from xoresnet.search.config import SearchConfig
from xoresnet.space.search_space import SearchSpace

NETWORK: dict[str, Any] = {"input_shape": [1, 8, 8], "num_classes": 10, "depth": 8}


def test_the_page_lists_every_limit() -> None:
    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(MOST_\w+)` \| ([^|]+?) \|", page, re.MULTILINE))
    assert list(rows) == sorted(rows, key=list(rows).index)
    assert {name: _number(text) for name, text in rows.items()} == {
        name: getattr(limits, name) for name in limits.__all__
    }


def _number(text: str) -> int:
    base, _, unit = text.partition(" ")
    return int(float(base.replace(",", ""))) * {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timesteps": 10**12}, "timesteps: must be at most 10000, got 1000000000000"),
        ({"timesteps": 10**5000}, "timesteps: must be at most 10000, got a number of about 5,000 digits"),
        ({"width": 10**12}, "width: must be at most 8192, got 1000000000000"),
        ({"input_shape": [1, 10**9, 8]}, "input_shape.1: must be at most 4096, got 1000000000"),
        ({"input_shape": [10**9, 8, 8]}, "input_shape.0: must be at most 4096, got 1000000000"),
        ({"num_classes": 10**9}, "num_classes: must be at most 100000, got 1000000000"),
        ({"merge": ["or"] * 10**5}, "merge: 100,000 values: give one value, or one for each stage"),
        ({"neuron": {"tau": 10**400}}, "neuron.tau: must be a number, got a number of about 400 digits"),
    ],
)
def test_networks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Arch.from_dict({**NETWORK, **changes})
    assert str(caught.value) == message


def test_names_of_baselines() -> None:
    for name in ("xoresnet" + "9" * 5000, "x" * 10**6, "xoresnet\u0661\u0668"):
        with pytest.raises(SpecError, match="is not a baseline: "):
            Arch.baseline(name, input_shape=(1, 8, 8), num_classes=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 10**12}, "epochs: must be at most"),
        ({"batch_size": 10**12}, "batch_size: must be at most"),
        ({"crop_padding": 10**6}, "crop_padding: must be at most 4096"),
        ({"cutout": 10**6}, "cutout: must be at most 4096"),
    ],
)
def test_recipes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Recipe.from_dict(changes)


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("arch", {"timesteps": {"low": 1, "high": 10**9}}, "arch.timesteps.high: must be at most 10000, got 10"),
        ("arch", {"width": {"low": 1, "high": 16**5000}}, "arch.width.high: must be at most 8192, got a number"),
        ("arch", {"width": {"low": 1, "high": 8192}, "timesteps": {"low": 1, "high": 10_000}},
         "arch: has 81,920,000 combinations of stem, depth, width, timesteps and neuron, more than 200,000"),
        ("arch", {"neuron": {"tau": {"low": 1.5, "high": 2, "step": 1e-12}}},
         "arch.neuron.tau: has 500,000,000,001 values, more than 100,000: give a larger step"),
        ("arch", {"neuron": {"tau": {"low": 1.5, "high": 2, "step": 10**400}}},
         "arch.neuron.tau.step: must be at most 1e+18 in size, got a number of about 400 digits"),
        ("arch", {"depth": {"low": 8, "high": 10**12}}, "arch.depth: has 999,999,999,993 values, more than"),
        ("arch", {"width": list(range(1, 5000))}, "arch.width: has 4,999 choices, more than 1,000"),
        ("recipe", {"learning_rate": {"low": 0.0, "high": 1.0, "step": 1e-300}}, "recipe.learning_rate"),
        ("recipe", {"batch_size": {"low": 2, "high": 10**6}}, "recipe.batch_size: has 999,999 values, more than"),
        ("constraints", {"max_params": 16**5000}, "constraints.max_params: must be at most 1e+18, got a number of"),
    ],
)  # fmt: skip
def test_spaces(part: str, changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"arch": {**NETWORK, "depth": [8]}}
    fields[part] = {**fields.get(part, {}), **changes}
    with pytest.raises(SpecError) as caught:
        SearchSpace.from_dict(fields)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("field", ["keep_paused", "retries", "epochs", "cpus_per_trial", "max_concurrent", "seed"])
def test_searches(field: str) -> None:
    with pytest.raises(SpecError, match=f"^{field}: must be .*, got a number of about 6,020 digits"):
        SearchConfig.from_dict({"space": "digits", field: 16**5000})


def bomb(levels: int, merges: bool) -> str:
    """Nine aliases of nine aliases of ...; merged, or listed."""
    lines = ["l0: &l0 {a: 1, b: 2}" if merges else "l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for level in range(1, levels):
        many = ", ".join([f"*l{level - 1}"] * 9)
        lines.append(f"l{level}: &l{level} {f'{{<<: [{many}]}}' if merges else f'[{many}]'}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(12, merges=False), "more than 20,000 values, with its aliases written out"),
        (bomb(12, merges=True), "more than 20,000 values, with its aliases written out"),
        (f"[{'1, ' * 21_000}]", "more than 20,000 values"),
        ("a: &a [*a]", "'a' contains itself"),
        ("a: &a {b: {c: *a}}", "'a' contains itself"),
        ("a: &a 1\nb: " + "[" * 60 + "*a" + "]" * 60, "more than 50 lists and mappings within each other"),
        ("a: " + "9" * 5000, "a number has too many digits"),
        ("x" * (limits.MOST_TEXT_BYTES + 1), "longer than 4,194,304 characters"),
    ],
)
def test_yaml(text: str, message: str) -> None:
    with pytest.raises(YamlError, match=f"^f.yaml: .*{message}"):
        read_yaml(text, "f.yaml")


def test_ordinary_aliases_are_read() -> None:
    assert read_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]", "x") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": [{"x": 1}, {"x": 1}],
    }


def test_what_a_small_text_holds_many_times_is_not_shown(tmp_path: Path) -> None:
    """Some 500 characters, within the limit of values, in every place of a configuration."""
    text = bomb(4, merges=False)
    value = read_yaml(text, "x")
    for field in ("space", "data", "recipe", "objectives", "sampler", "pruner", "keep_paused", "storage"):
        with pytest.raises(XOResNetError) as caught:
            SearchConfig.from_dict({"space": "digits", field: value["l3"]})
        assert len(str(caught.value)) <= limits.MOST_ERROR_CHARACTERS
    (tmp_path / "space.yaml").write_text(f"{text}\narch: *l3")
    with pytest.raises(XOResNetError) as caught:
        SearchSpace.load(tmp_path / "space.yaml")
    assert len(str(caught.value)) <= limits.MOST_ERROR_CHARACTERS


def test_files_of_settings_are_small(tmp_path: Path) -> None:
    path = tmp_path / "arch.json"
    with path.open("wb") as file:
        file.truncate(2**40)  # a terabyte of zeros, which takes no place on the disk
    for read in (read_small, Arch.load, SearchSpace.load):
        with pytest.raises(UsageError, match=r"arch.json is larger than 4 MiB, too large for a file of settings"):
            read(path)
    with pytest.raises(UsageError, match="too large for a file of settings"):
        read_small(Path("/dev/zero"))


def test_json_numbers() -> None:
    with pytest.raises(SpecError, match="not valid JSON: a number has too many digits"):
        Arch.from_json(f'{{"depth": {"9" * 5000}}}')


def png(path: Path, width: int, height: int, depth: int = 8) -> None:
    """A black grey image of this size, of a few kilobytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packer = zlib.compressobj(9)
    pixels = packer.compress(bytes((1 + (width * depth + 7) // 8) * height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


PROGRAM = r"""
import json, re, sys
from tests.search.command_line import xoresnet
results = [xoresnet(*words) for words in json.loads(sys.argv[1])]
peak = re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())  # unlike ru_maxrss not that of the parent
print(json.dumps([results, int(peak[1]) // 1024]))
"""
MOST_MIB = 1200
"""A process that has imported torch takes some 400."""


def test_commands(tmp_path: Path) -> None:
    """In one process with little memory: each ends with one sentence."""
    (tmp_path / "bomb.yaml").write_text(bomb(12, merges=True))
    write_pictures(tmp_path)
    cases = {
        f"space {tmp_path}/bomb.yaml": r".*: has more than 20,000 values, with its aliases written out",
        "search digits space.arch.timesteps={low:\u00a01,high:\u00a01000000000} --dry-run": (
            "space.arch.timesteps.high: must be at most 10000, got 1000000000"
        ),
        "train xoresnet8 width=1000000000000 --dry-run": "width: must be at most 8192, got 1000000000000",
        "train xoresnet110 width=8192 timesteps=1000 --dry-run": (
            r"a step of \w+ with 64 images at T=1,000 needs at least [\d,.]+ GiB of memory, but .* has [\d,.]+ GiB: .*"
        ),
        f"data folder --data-root {tmp_path}/long": (
            r".*cat..png is 1 x 4,000,000 pixels, too large as the size of a network's images \(4,096 x 4,096\): .*"
        ),
        f"data folder --data-root {tmp_path}/large image_size=[32,32]": (
            r".*.png is 13,000 x 13,000 pixels, more than the 89,000,000 that are decoded"
        ),
        f"data folder --data-root {tmp_path}/one": (
            r".*.png is 1 x 4,000,000 pixels, too long to be cut to 8 x 8: it would be scaled to 8 x 32,000,000"
        ),
    }
    words = [[word.replace("\u00a0", " ") for word in case.split(" ")] for case in cases]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(words)], capture_output=True, text=True, check=True
    )
    results, most_mib = json.loads(done.stdout)
    for (code, _, err), sentence in zip(results, cases.values(), strict=True):
        assert code in (1, 2)
        assert re.fullmatch(f"error: {sentence}\n", err), err
    assert most_mib < MOST_MIB
    assert not list(tmp_path.rglob("*.npy"))


def write_pictures(folder: Path) -> None:
    png(folder / "long.png", 1, 4_000_000)
    png(folder / "large.png", 13_000, 13_000, depth=1)
    png(folder / "small.png", 8, 8)
    assert (folder / "long.png").stat().st_size < 10_000
    for root, last in (("long", "long"), ("large", "large"), ("one", "small")):
        for kind in ("cat", "dog"):
            (folder / root / kind).mkdir(parents=True)
            for number in range(3):
                name = "long" if root == "one" and number == 2 else last
                shutil.copy(folder / f"{name}.png", folder / root / kind / f"{kind}{number}.png")
