"""Models that were damaged or tampered with, at random: they load, or are refused in a sentence that is short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.xoresnet.lively import facts
from xoresnet import Arch, Recipe, XOResNet, XOResNetError, load_model
from xoresnet.standalone.folder import CONFIG, WEIGHTS, save_model

ARCH = Arch(input_shape=(1, 8, 8), num_classes=2, depth=8, width=2, timesteps=1)
MUTANTS = 300
STRANGE = (
    None, True, -1, 0, 7, 10**12, 10**400, 1.5, -0.0, 1e308, float("nan"), float("inf"), "", "x", "os.system",
    "theirs.X", "\x1b[2J", "x" * 100_000, [], [[]], [1, 2, 3], {}, {"kind": "lif"}, {"": {}},
)  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("original")
    config = facts(ARCH).replace(recipe=Recipe(), origin="digits:7", versions={"torch": "2"})
    save_model(folder, XOResNet(ARCH), config)
    return {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside of a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield value, key
        yield from places(inner)


def mutant(original: dict[str, bytes], random: Random) -> dict[str, bytes]:
    files = dict(original)
    name = random.choice(list(files))
    content = bytearray(files[name])
    match random.randrange(5):
        case 0:
            del content[random.randrange(len(content)) :]
        case 1:
            for _ in range(random.choice([1, 1, 5, 50])):
                content[random.randrange(min(len(content), 2000))] = random.randrange(256)
        case 2:
            at = random.randrange(len(content))
            content[at : at + random.randrange(200)] = random.randbytes(random.randrange(200))
        case _:
            name, config = CONFIG, json.loads(files[CONFIG])
            for container, key in random.sample(list(places(config)), random.choice([1, 1, 2])):
                container[key] = random.choice(STRANGE)
            content = bytearray(json.dumps(config).encode())
    return {**files, name: bytes(content)}


def test_damaged_models_load_or_are_refused_in_a_sentence(
    original: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs.py").write_text("raise SystemExit('a model has run code')\n")
    monkeypatch.syspath_prepend(tmp_path)
    random, loaded, sentences = Random(0), 0, []
    for _ in range(MUTANTS):
        for name, content in mutant(original, random).items():
            (tmp_path / name).write_bytes(content)
        try:
            load_model(tmp_path)
            loaded += 1
        except XOResNetError as error:
            sentences.append(str(error))
    assert 0 < loaded < len(sentences)
    assert any("theirs.X" in sentence for sentence in sentences)
    assert all(sentence.isprintable() and len(sentence) < 5_000 for sentence in sentences)
