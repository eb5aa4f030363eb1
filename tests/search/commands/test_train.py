"""`xoresnet train`: what it writes, what it says, and that it goes on where it stopped."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from filelock import FileLock
from safetensors.torch import load_file

from tests.search.command_line import Result, xoresnet
from tests.small_disk import file_limit, small_disk
from tests.xoresnet.data.datasets.pictures import write_classes, write_image
from tests.xoresnet.data.datasets.test_fashion_mnist import write_fashion
from xoresnet.data.load import DataSet, load_data
from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.files.yaml_text import read_yaml
from xoresnet.measures.records import EpochRecord
from xoresnet.network.count_spikes import count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.search.cli import main
from xoresnet.training.checkpoint import load_checkpoint, save_checkpoint
from xoresnet.training.evaluation import evaluate
from xoresnet.training.fit import fit

CPU = torch.device("cpu")
SETTINGS = {"width": 4, "timesteps": 1, "epochs": 2, "batch_size": 32, "learning_rate": 0.02, "precision": "fp32"}
FILES = ["arch.json", "checkpoint.safetensors", "config.yaml", "history.parquet", "layers.parquet"]
FINISHED = sorted([*FILES, "config.json", "summary.json", "weights.safetensors"])


def command(*words: str, arch: str = "xoresnet8", **changes: object) -> list[str]:
    """`train` with settings that a test can wait for."""
    settings = [f"{name}={value}" for name, value in {**SETTINGS, **changes}.items()]
    return ["train", arch, *settings, "--device", "cpu", "--threads", "1", *words]


def tiny(data: DataSet | None = None, **changes: Any) -> tuple[Arch, Recipe]:
    """What `command` trains; on the digits by default."""
    data, settings = data or load_data("digits"), {**SETTINGS, **changes}
    parts = {name: settings.pop(name) for name in ("width", "timesteps")}
    arch = Arch.baseline("xoresnet8", input_shape=data.input_shape, num_classes=10, **parts)
    return arch, data.default_recipe.replace(**settings)


def files(folder: Path) -> list[str]:
    """Without the lock, and without what a killed process was writing."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def history_rows(folder: Path) -> list[dict[str, Any]]:
    return pd.read_parquet(folder / "history.parquet").to_dict("records")


def is_measured(name: str) -> bool:
    """Whether a figure comes from clock or memory, and differs each time."""
    return name.endswith(("_seconds", "_mib"))


def assert_history(folder: Path, records: list[EpochRecord]) -> None:
    """The folder's frames are these records, value for value."""
    history = [
        {name: row[name] for name in records[0].as_dict() if not is_measured(name)} for row in history_rows(folder)
    ]
    assert history == [{name: record.as_dict()[name] for name in history[0]} for record in records]
    layers = pd.read_parquet(folder / "layers.parquet")
    rows = [{"epoch": record.epoch, **layer._asdict()} for record in records for layer in record.layers]
    pd.testing.assert_frame_equal(layers[list(rows[0])], pd.DataFrame(rows), check_exact=True)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder that `train` has finished; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return folder, xoresnet(*command("--run", str(folder)))


@pytest.fixture
def run(trained: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of it, to be changed at will: `--run run`."""
    shutil.copytree(trained[0], tmp_path / "run")
    return tmp_path / "run"


def load_net(folder: Path) -> XOResNet:
    net = XOResNet(Arch.load(folder / "arch.json"))
    net.load_state_dict(load_file(folder / "weights.safetensors"))
    return net.eval()


# what is written


def test_the_folder_says_what_was_trained(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    arch, recipe = tiny()
    assert (result.code, result.err) == (0, "")
    assert files(folder) == FINISHED
    assert Arch.load(folder / "arch.json") == arch
    config = read_yaml((folder / "config.yaml").read_text(), "config.yaml")
    assert (config.pop("command"), list(config)) == ("train", ["arch", "data", "recipe"])
    assert Arch.from_dict(config["arch"]) == arch
    assert DataSpec.from_dict(config["data"]) == DataSpec(name="digits")
    assert Recipe.from_dict(config["recipe"]) == recipe


def test_history_is_that_of_fit(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    arch, recipe = tiny()
    assert_history(folder, list(fit(arch, load_data("digits"), recipe, device="cpu")))
    for name in ("history", "layers"):
        frame = pd.read_parquet(folder / f"{name}.parquet")
        assert set(frame["arch_id"]) == {arch.arch_id}
        assert set(frame["seed"]) == {recipe.seed}


def test_weights_give_the_figures_of_the_last_epoch(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    data = load_data("digits")
    measured = evaluate(load_net(folder), data.validation, data.normalise, CPU).as_dict("val_")
    assert measured.items() <= history_rows(folder)[-1].items()
    assert measured["val_accuracy"] > 0.3
    assert measured["spikes_per_sample"] > 10


def test_the_summary_is_the_last_epoch_and_the_best(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    summary = json.loads((folder / "summary.json").read_text())
    first, last = history_rows(folder)
    assert summary["epochs_trained"] == last.pop("epoch") == 2
    for name in ("train_seconds", "evaluation_seconds"):
        assert summary.pop(name) == pytest.approx(first[name] + last.pop(name))
    assert last.items() <= summary.items()
    best = max((first, last), key=lambda row: row["val_accuracy"])
    assert (summary["best_epoch"], summary["best_val_accuracy"]) == (2, best["val_accuracy"])
    assert summary["params_count"] == sum(parameter.numel() for parameter in load_net(folder).parameters())
    assert (summary["data"], summary["data_fingerprint"]) == ("digits", load_data("digits").fingerprint)
    assert (summary["device"], summary["precision"], summary["threads"]) == ("cpu", "fp32", 1)
    assert summary["test"] is None


# what is printed


def test_a_row_for_each_epoch(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    lines = result.out.splitlines()
    history = history_rows(folder)
    assert lines[2].split()[:3] == ["epoch", "loss", "train"]
    for line, row in zip(lines[3:5], history, strict=True):
        assert line.split()[:2] == [str(row["epoch"]), f"{row['train_loss']:.4f}"]
        assert f"{100 * row['val_accuracy']:.2f} %" in line
    assert lines[5].startswith(f"validation accuracy {100 * history[-1]['val_accuracy']:.2f} % after 2 epochs")
    *words, device, cpu, threads, epochs = command()
    again = shlex.join(["xoresnet", *words, "--run", str(folder), device, cpu, threads, epochs])
    assert lines[7] == f"The test set was not used; to measure the final network on it: {again} --test"


def test_the_same_command_trains_nothing_and_says_the_same(trained: tuple[Path, Result], tmp_path: Path) -> None:
    folder, result = trained
    before = (folder / "checkpoint.safetensors").read_bytes(), (folder / "checkpoint.safetensors").stat().st_mtime_ns
    assert xoresnet(*command("--run", str(folder))) == result
    after = (folder / "checkpoint.safetensors").read_bytes(), (folder / "checkpoint.safetensors").stat().st_mtime_ns
    assert after == before


def test_json_is_the_summary_and_nothing_else(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    result = xoresnet(*command("--run", str(folder), "--json"))
    assert (result.code, result.err) == (0, "")
    assert result.json == json.loads((folder / "summary.json").read_text())


def test_json_where_colours_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many services for continuous integration do."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert xoresnet(*command("--json")).json["epochs_trained"] == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_moves_below_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with redirect_stdout(Terminal()) as screen:
        assert main(command("--run", "run")) == 0
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", screen.getvalue()))
    rows = [f"{row['epoch']:>5}{row['train_loss']:>8.4f}" for row in history_rows(Path("run"))]
    assert [line[:13] for line in lines if re.match(r" +\d ", line)] == rows
    bars = [line for line in lines if re.match(r"epoch \d/2 .* train \d", line)]
    first, last = history_rows(Path("run"))
    assert bars[-1].startswith("epoch 2/2 ")
    assert f" train {100 * last['train_accuracy']:.2f} %, val {100 * first['val_accuracy']:.2f} %, " in bars[-1]


def _without_memory(run: Path) -> None:
    """As on systems that do not tell how much memory a process takes."""
    checkpoint = load_checkpoint(run / "checkpoint.safetensors")
    records = tuple(dataclasses.replace(record, peak_memory_mib=math.nan) for record in checkpoint.records)
    save_checkpoint(run / "checkpoint.safetensors", checkpoint._replace(records=records))


def test_what_is_not_known_is_null_in_json(run: Path) -> None:
    _without_memory(run)
    summary = xoresnet(*command("--run", "run", "--json")).json
    assert summary["peak_memory_mib"] is None
    assert summary["val_accuracy"] > 0


def test_what_is_not_known_is_null_in_the_summary(run: Path) -> None:
    _without_memory(run)
    assert xoresnet(*command("--run", "run")).code == 0
    assert "NaN" not in (run / "summary.json").read_text()


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    arch, recipe = tiny(timesteps=3)
    result = xoresnet(*command("--dry-run", timesteps=3))
    assert (result.code, result.err) == (0, "")
    assert f"network {arch.arch_id}: depth 8, width 4, T=3" in result.out
    assert "learning_rate 0.02" in result.out
    assert re.search(r"^about [\d.]+ s per epoch, [\d.]+ s for \d epochs?$", result.out, flags=re.MULTILINE)
    assert result.out.endswith("Nothing was trained or written; the run would be written to runs/xoresnet8-digits\n")
    plan = xoresnet(*command("--dry-run", "--json", timesteps=3)).json
    assert Arch.from_dict(plan["arch"]) == arch
    assert Recipe.from_dict(plan["recipe"]) == recipe
    assert (plan["run"], plan["data"]["name"]) == ("runs/xoresnet8-digits", "digits")
    assert 0 < plan["estimated_epoch_seconds"] < 60
    assert list(tmp_path.iterdir()) == []


# the test set


def test_the_test_set_is_read_when_asked_and_only_then(tmp_path: Path) -> None:
    write_classes(tmp_path / "pictures" / "train", per_class=6)
    write_classes(tmp_path / "pictures" / "test", per_class=2)
    broken = tmp_path / "pictures" / "test" / "owl" / "owl00.png"
    broken.write_bytes(b"garbage")
    words = command("--data", "folder", "--data-root", "pictures", "--run", "run", epochs=1)
    assert xoresnet(*words).code == 0
    assert xoresnet(*words, "--test").is_refusal(1, f"{broken} cannot be decoded as an image: *")
    assert files(tmp_path / "run") == FINISHED
    write_image(broken)
    measured = xoresnet(*words, "--test", "--json").json["test"]
    assert measured["images"] == 6
    shutil.rmtree(tmp_path / "pictures" / ".xoresnet-cache")
    broken.write_bytes(b"garbage")
    for extra in (["--test"], []):  # once it was opened, the figures stay
        assert xoresnet(*words, *extra, "--json").json["test"] == measured
        assert f"test accuracy {100 * measured['accuracy']:.2f} % on 6 images" in xoresnet(*words, *extra).out


def test_figures_of_the_test_set(run: Path) -> None:
    figures = xoresnet(*command("--run", "run", "--test", "--json")).json["test"]
    assert json.loads((run / "summary.json").read_text())["test"] == figures
    data = load_data("digits")
    test = data.test.open(by="confirm")
    net = load_net(run)
    with torch.no_grad(), count_spikes(net) as counts:
        logits = net((test.images.float() / 255 - data.mean[0]) / data.std[0])
    assert figures["images"] == len(test) == 359
    assert figures["accuracy"] == pytest.approx(float((logits.argmax(1) == test.labels).double().mean()), abs=1e-12)
    assert figures["loss"] == pytest.approx(float(F.cross_entropy(logits, test.labels)), rel=1e-5)
    assert figures["spikes_per_sample"] == pytest.approx(counts.spikes_per_sample, rel=1e-4)


# networks from files, data from elsewhere


def test_training_a_network_from_a_file(tmp_path: Path) -> None:
    arch = tiny()[0].replace(merge=("or", "or", "add"), neuron={"reset": "soft"})
    arch.save("net.json")
    words = [*command("neuron.tau=1.5", arch="net.json", epochs=1)]
    assert xoresnet(*words).code == 0
    folder = tmp_path / "runs" / "net-digits"
    assert Arch.load(folder / "arch.json") == arch.replace(neuron={"reset": "soft", "tau": 1.5})
    words = [*command("neuron.tau=1.5", arch=(tmp_path / "net.json").as_uri(), epochs=1)]
    assert xoresnet(*words).code == 0  # with a value for each stage, config.yaml is recognised too
    assert xoresnet(*command(arch="runs/net-digits", epochs=1)).code == 0
    assert (tmp_path / "runs" / f"{Arch.load(folder / 'arch.json').arch_id}-digits" / "summary.json").is_file()


def test_a_file_with_a_similar_name() -> None:
    tiny()[0].save("net.json")
    for name in ("net", "net.jsn", "nets"):
        result = xoresnet("train", name, "--dry-run")
        assert result.is_refusal(2, f"{name} is neither a baseline nor a file; did you mean net.json?")


def test_a_network_of_another_shape() -> None:
    tiny()[0].replace(input_shape=(3, 8, 8)).save("colour.json")
    message = "the network takes images [3, 8, 8] of 10 classes, digits has [1, 8, 8] of 10"
    assert xoresnet(*command(arch="colour.json")).is_refusal(1, message)
    assert xoresnet(*command("--dry-run", arch="colour.json")).is_refusal(1, message)


def test_a_training_that_could_not_begin_does_not_keep_its_folder(tmp_path: Path) -> None:
    tiny()[0].replace(input_shape=(3, 8, 8)).save("colour.json")
    assert xoresnet(*command("--run", "run", arch="colour.json")).code == 1
    assert xoresnet(*command("input_shape=[1, 8, 8]", "--run", "run", arch="colour.json", epochs=1)).code == 0


def test_settings_of_the_data_reach_them() -> None:
    words = command("data.validation_seed=1", "data.validation_share=0.4", epochs=1)
    expected = load_data("digits", validation_seed=1, validation_share=0.4).fingerprint
    assert xoresnet(*words, "--json").json["data_fingerprint"] == expected


def test_data_are_found_where_they_are_and_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fashion(tmp_path / "one")
    monkeypatch.setenv("XORESNET_DATA", "one")
    words = command("--data", "fashion-mnist", "--json", epochs=1)
    first = xoresnet(*words)
    assert first.json["run"] == "runs/xoresnet8-fashion-mnist"
    assert first.json["data_fingerprint"] == load_data("fashion-mnist", tmp_path / "one").fingerprint
    (tmp_path / "one").rename(tmp_path / "two")
    assert xoresnet(*words, "--data-root", "two") == first


# mistakes


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("xoresnet8 epoch=3", 2, "epoch: unknown key; did you mean 'epochs'?"),
        ("xoresnet8 root=3", 2, "root: unknown key; did you mean 'data.root'?"),
        ("xoresnet8 zzz=3", 2, "zzz: unknown key; --help lists the keys"),
        ("xoresnet8 neuron.tua=3", 2, "neuron.tua: unknown field; did you mean 'tau'?"),
        ("xoresnet8 epochs", 2, "'epochs' is not a setting; write key=value, for example epochs=5"),
        ("xoresnet8 tau=1.5", 2, "tau: unknown key; did you mean 'neuron.tau'?"),
        ("xoresnet8 --epochs 3", 2, "No such option '--epochs'. Write epochs=3 instead. (see xoresnet train --help)"),
        ("xoresnet8 --validation-seed 3", 2, "No such option *. Write data.validation_seed=3 instead. (see *)"),
        ("xoresnet8 device=cpu", 2, "device=cpu: write --device cpu instead. (see xoresnet train --help)"),
        ("xoresnet8 --data mnist", 2, "there is no data set 'mnist'; *; did you mean 'n-mnist'?"),
        ("xoresnet8 epochs=", 2, "epochs: no value given; write epochs=VALUE, or epochs=null to unset it"),
        ("xoresnet8 epochs=0", 2, "epochs: must be at least 1, got 0"),
        ("xoresnet8 epochs=1 epochs=1", 2, "epochs is given twice"),
        ("xoresnet8 epochs=1e-3", 2, "epochs: must be a whole number, got 0.001"),
        ("xoresnet8 flip=no", 2, "flip: must be true or false, got 'no'"),
        ("xoresnet8 merge=ored", 2, "merge: 'ored' is not one of add, *; did you mean 'or'?"),
        (
            "xoresnet8 merge=[or",
            2,
            "merge, line 1, column 1: the list that opens here must go on with ',' or end with ']' before *",
        ),
        (
            "xoresnet8 merge=*x",
            2,
            "merge, line 1, column 1: '*x' refers to nothing; a text that begins so must be in quotes",
        ),
        ("xoresnet8 depth=14", 2, "depth is fixed by the name 'xoresnet8'; use the baseline of that depth"),
        (
            "xoresnet9",
            2,
            "'xoresnet9' is not a baseline: *; did you mean 'xoresnet8'? (or give the path of an arch.json)",
        ),
        ("none.json", 2, "there is no file none.json"),
        ("folder", 2, "folder holds no network: it has no arch.json"),
        ("broken.json", 2, "not valid JSON: * (in broken.json)"),
        ("part.json", 2, "input_shape: required, but missing (in part.json)"),
        ("xoresnet8 --data cifer10", 2, "there is no data set 'cifer10'; *; did you mean 'cifar10'?"),
        (
            "xoresnet8 --data folder",
            2,
            "the data set folder needs a root; give *",
        ),
        ("xoresnet8 --data cifar10", 1, "* is not found in *; to get it: xoresnet data cifar10 --download"),
        ("xoresnet8 data.channels=2", 2, "data.channels: 2 is not one of 1, 3"),
        ("xoresnet8 data.channels=3", 2, "digits has no option channels: its images are used as they are"),
        ("xoresnet8 --device gpu", 2, "--device gpu: not a device; write for example cpu, cuda or cuda:1"),
        ("xoresnet8 --device cuda:99", 2, "--device cuda:99: *"),
        ("xoresnet8 channels=3", 2, "channels: unknown key; did you mean 'data.channels'?"),
        ("xoresnet8 data.name=cifer10", 2, "data.name: there is no data set 'cifer10'; *; did you mean 'cifar10'?"),
        ("xoresnet8 'neuron={1: lif}'", 2, "neuron.1: *"),
    ],
)
def test_each_mistake_has_its_sentence(words: str, code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "part.json").write_text('{"num_classes": 10, "depth": 8}')
    result = xoresnet("train", *shlex.split(words))
    assert result.is_refusal(code, message)
    assert result.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.json", "folder", "part.json"]


def _other_files(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()
    (run / "thesis.tex").touch()


def _file(run: Path) -> None:
    shutil.rmtree(run)
    run.touch()


def _config(text: str) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        (run / "config.yaml").write_text(text)

    return write


@pytest.mark.parametrize(
    ("change", "words", "code", "message"),
    [
        (None, ["seed=1"], 2, "run holds another training: recipe.seed was 0, is 1; choose another run folder"),
        (
            None,
            ["neuron.tau=1.5", "data.validation_seed=3"],
            2,
            "run holds another training: arch.neuron.tau was 2.0, is 1.5; data.validation_seed was 0, is 3; choose *",
        ),
        (_other_files, [], 2, "run holds other files; choose another run folder"),
        (_file, [], 2, "run is not a folder; choose another run folder"),
        (_config("command: search\n"), [], 2, "run holds a search, not a training; choose another run folder"),
        (_config("- 1\n"), [], 2, "run holds no training: its config.yaml was not written by one; choose another *"),
        (
            _config("command: train\narch: [1\n"),
            [],
            1,
            "run/config.yaml, line 2, column 7: the list that opens here must go on with ',' or *",
        ),
    ],
)
def test_folders_that_hold_something_else(
    change: Callable[[Path], None] | None, words: list[str], code: int, message: str, run: Path
) -> None:
    if change is not None:
        change(run)
    held = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert xoresnet(*command(*words, "--run", "run")).is_refusal(code, message)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == held


def test_a_folder_within_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert xoresnet(*command("--run", "file/run")).is_refusal(1, "file/run: Not a directory")


def test_a_folder_in_which_another_process_is_at_work(run: Path) -> None:
    with FileLock(run / ".lock"):
        assert xoresnet(*command("--run", "run")).is_refusal(
            1, "another process is working in run; wait for its end, or stop it"
        )
    assert xoresnet(*command("--run", "run")).code == 0


def test_a_network_that_no_memory_holds() -> None:
    sentence = "a step of * needs at least * GiB of memory, but c* has * GiB: reduce batch_size, timesteps, width or *"
    assert xoresnet(*command(width=8192, timesteps=10_000)).is_refusal(1, sentence)
    assert xoresnet(*command(width=3_000_000)).is_refusal(2, "width: must be at most 8192, got 3000000")


def test_training_that_diverges_at_once(tmp_path: Path) -> None:
    arch, _ = tiny()
    message = f"training of {arch.arch_id} diverged in epoch 1 of 2, at learning_rate=100000: the loss became nan"
    assert xoresnet(*command("--run", "run", learning_rate=100000)).is_refusal(1, message)
    assert files(tmp_path / "run") == ["arch.json", "config.yaml"]


def test_training_that_diverges_keeps_the_epochs_before(tmp_path: Path) -> None:
    wild: dict[str, object] = {
        "optimizer": "sgd",
        "learning_rate": 1e6,
        "momentum": 0.99,
        "schedule": "constant",
        "batch_size": 512,
    }
    result = xoresnet(*command("--run", "run", epochs=10, **wild))
    assert result.is_refusal(1, "training of * diverged in epoch * of 10, at learning_rate=1e+06: *")
    place = re.search(r"in epoch (\d+) of", result.err)
    assert place is not None
    kept = int(place[1]) - 1
    assert kept > 0
    assert files(tmp_path / "run") == FILES
    assert [row["epoch"] for row in history_rows(tmp_path / "run")] == list(range(1, kept + 1))
    assert len(load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").records) == kept


# signals


@contextmanager
def no_room(kind: str, folder: Path) -> Iterator[Callable[[], None]]:
    """A full file system, or a limit as quotas are, below a folder; yields what makes room."""
    with ExitStack() as stack:
        if kind == "no space is left":
            disk = stack.enter_context(small_disk(folder, "40k"))
            yield lambda: disk.grow("10m")
        else:
            limit = stack.enter_context(ExitStack())
            limit.enter_context(file_limit(20_000))
            yield limit.close


@pytest.mark.parametrize("kind", ["no space is left", "a limit on the size of files is reached"])
def test_a_full_disk_costs_nothing_but_a_sentence(kind: str, tmp_path: Path) -> None:
    """The same command finishes the training once there is room."""
    folder = Path("my disk/run")
    with no_room(kind, tmp_path / "my disk") as make_room:
        stopped = xoresnet(*command("--run", str(folder), epochs=1, batch_size=600))
        what = f"{kind} in {folder}: * are free on its disk, about 1.* MB needed"
        assert stopped.is_refusal(1, f"{what}; 0 of 1 epochs are kept in {folder}; to resume: xoresnet train *")
        make_room()
        assert xoresnet(*shlex.split(stopped.err.partition("to resume: xoresnet ")[2])).code == 0
        assert files(folder) == FINISHED


def test_a_damaged_checkpoint_is_said_once(run: Path) -> None:
    checkpoint = run / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    result = xoresnet(*command("--run", str(run)))
    assert result.code == 0
    assert result.err.startswith(f"note: {checkpoint} is not a complete checkpoint: ")
    assert result.err.endswith("set aside as checkpoint.safetensors.damaged, and training begins at epoch 1\n")
    assert xoresnet(*command("--run", str(run))).err == ""


AGAIN_AND_AGAIN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which the background jobs of a shell do not have
from xoresnet.search.cli import main
while True:
    print("ended", main(sys.argv[1:]), flush=True)
"""
"""One process for all, since the start takes longest."""


def line_of(stream: IO[str], word: object) -> list[str]:
    """Read on, up to the line that begins with this word."""
    for line in stream:
        words = line.split()
        if words[:1] == [str(word)]:
            return words
    raise AssertionError(f"no line begins with {word}")


def test_stopped_by_any_signal_it_goes_on(tmp_path: Path) -> None:
    write_fashion(tmp_path / "my data", per_class=20)  # a name that a shell takes apart, like one of the settings
    words = command("--data", "fashion-mnist", "--data-root", "my data", batch_size=8, epochs=8)
    words.append("neuron={kind: lif, tau: 1.9}")
    folder, kept = Path("runs/xoresnet8-fashion-mnist"), 0
    process = subprocess.Popen(
        [sys.executable, "-c", AGAIN_AND_AGAIN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                line_of(process.stdout, kept + 1)
                process.send_signal(number)
                assert line_of(process.stdout, "ended") == ["ended", str(code)]
                message = process.stderr.readline()
                interruption = re.fullmatch(
                    rf"error: interrupted; (\d+) of 8 epochs are kept in {folder}; to resume: xoresnet (.*)\n", message
                )
                assert interruption is not None, message
                assert kept < int(interruption[1]) < 8
                kept = int(interruption[1])
                assert len(load_checkpoint(folder / "checkpoint.safetensors").records) >= kept
            line_of(process.stdout, kept + 1)
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.stderr.read() == ""
    assert files(folder) == FILES
    assert xoresnet(*shlex.split(interruption[2])).code == 0
    data = load_data("fashion-mnist", "my data")
    arch, recipe = tiny(data, batch_size=8, epochs=8)
    assert_history(folder, list(fit(arch.replace(neuron={"tau": 1.9}), data, recipe, device="cpu")))
