"""Mistakes of new users: each has one sentence, which says what is wrong and what would be right, and one exit code.

2 is for what is written wrongly, and for a path or name that does not name what the command needs; 1 for what is there
and cannot be used (docs/exit-codes.md). Nothing is written, and none shows a traceback.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.search.command_line import xoresnet
from xoresnet import Arch, Recipe, XOResNet, export, fit, load_data, load_model
from xoresnet.errors import DataError, ModelError, NoModelError, NoRunError, SpecError, UsageError, XOResNetError
from xoresnet.results import best, load, pareto_front
from xoresnet.search import SearchConfig, confirm, run_search
from xoresnet.space import SearchSpace

LANDED = Path(__file__).parents[1] / "landed"
FILES = {
    "file.txt": "",
    "torn.yaml": "a: [\n",
    "wrong.yaml": "space: digits\ndata: mnist\nbudgets: 3\n",
    "own.yaml": "space: digits\n",
    "pictures/cat/1.png": "",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search, a training that was interrupted, a model, and things that are none of them."""
    folder = tmp_path_factory.mktemp("here")
    for name in ("run", "trained", "model"):
        shutil.copytree(LANDED / name, folder / name)
    shutil.copytree(LANDED / "run", folder / "runs" / "mine")
    shutil.copytree(LANDED / "run", folder / "runs" / "theirs")
    (folder / "theirs").mkdir()  # with the user's images, for example
    (folder / "empty").mkdir()
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _working_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(here)
    for name in ("RAY_ADDRESS", "XORESNET_DATA"):
        monkeypatch.delenv(name, raising=False)
    before = sorted(here.rglob("*"))
    yield
    assert sorted(here.rglob("*")) == before


PRESETS = "cifar, digits, dvs128-gesture, fashion-mnist, fashion-mnist-small, mini-imagenet, n-mnist"
DATA_SETS = (
    "digits, fashion-mnist, n-mnist, cifar10, cifar100, mini-imagenet, cifar10-dvs, dvs128-gesture, events-folder, "
    "folder"
)
NO_MNIST = f"there is no data set 'mnist'; the data sets are {DATA_SETS}; did you mean 'n-mnist'?"
MINE = "there is no folder mine; did you mean runs/mine?"
COMMANDS = [
    ("serch digits", 2, "No such command 'serch'. Did you mean 'search'? (see xoresnet --help)"),
    (
        "search digit",
        2,
        f"unknown preset 'digit'; the presets are {PRESETS}; did you mean 'digits'?",
    ),
    ("search nosuch.yaml", 2, "there is no file nosuch.yaml"),
    ("search own.yml", 2, "there is no file own.yml; did you mean own.yaml?"),
    ("search wrongs.yaml", 2, "there is no file wrongs.yaml; did you mean wrong.yaml?"),
    ("search own", 2, "unknown preset 'own'; did you mean the file own.yaml?"),
    ("space own.yml", 2, "there is no file own.yml; did you mean own.yaml?"),
    ("space own", 2, "unknown preset 'own'; did you mean the file own.yaml?"),
    (
        "search file.txt",
        2,
        "file.txt is empty; `xoresnet search digits --dry-run` prints an example of a configuration",
    ),
    (
        "search torn.yaml",
        2,
        "torn.yaml, line 2, column 1: the text ends within a list or a mapping: a ']' or '}' is missing",
    ),
    (
        "search wrong.yaml",
        2,
        (f"wrong.yaml: data.name: {NO_MNIST}\nwrong.yaml: budgets: unknown field; did you mean 'budget'?"),
    ),
    ("search digits merge=oa", 2, "merge: unknown key; did you mean 'space.arch.merge'?"),
    ("search digits lr=0.1", 2, "lr: unknown key; did you mean 'learning_rate'?"),
    ("search digits --trials 8", 2, "No such option '--trials'. Write budget=8 instead. (see xoresnet search --help)"),
    ("search digits trials=8", 2, "trials: is not a field any more; budget=N is the cost of N full trainings"),
    ("search digits budget=", 2, "budget: no value given; write budget=VALUE, or budget=null to unset it"),
    ("search digits budget=many", 2, "budget: must be a number, got 'many'"),
    ("search digits budget=0", 2, "budget: must be at least 1, got 0"),
    ("search digits budget", 2, "'budget' is not a setting; write key=value, for example epochs=5"),
    ("search digits epochs=2 epochs=3", 2, "epochs is given twice"),
    ("search digits device=cpu", 2, "device: unknown key; did you mean 'gpus_per_trial'?"),
    (
        "search digits data=mnist",
        2,
        (f"data.name: {NO_MNIST}"),
    ),
    (
        "search digits strategy=promote",
        2,
        "strategy: 'promote' is not one of freeze-thaw, promotion, classic; did you mean 'promotion'?",
    ),
    (
        "search digits sampler=tpee",
        2,
        "sampler: 'tpee' is not one of tpe, nsga2, random, grid, or a dotted path; did you mean 'tpe'?",
    ),
    (
        "search digits pruner=hyperbnd",
        2,
        (
            "pruner.kind: 'hyperbnd' is not one of pareto, none, median, successive-halving, hyperband, or a dotted "
            "path; did you mean 'hyperband'?"
        ),
    ),
    (
        "search digits loggers=tensorbord",
        2,
        (
            "loggers.0: 'tensorbord' is not one of tensorboard, mlflow, wandb, or a dotted path; did you mean "
            "'tensorboard'?"
        ),
    ),
    (
        "search digits objectives=val_accuracy",
        2,
        "objectives: must be a list such as [val_accuracy:max, spikes_per_sample:min], got 'val_accuracy'",
    ),
    (
        "search digits objectives=[val_accuracy,spikes]",
        2,
        (
            "objectives.0: 'val_accuracy' lacks a direction: write val_accuracy:max or val_accuracy:min\n"
            "objectives.1: 'spikes' lacks a direction: write spikes_per_sample:max or spikes_per_sample:min"
        ),
    ),
    (
        "search digits objectives=[accuracy:max,spikes:min]",
        2,
        (
            "objectives.0: 'accuracy' is not measured after an epoch; did you mean 'val_accuracy'?\n"
            "objectives.1: 'spikes' is not measured after an epoch; did you mean 'spikes_per_sample'?"
        ),
    ),
    (
        "search digits space.arch.depth=9",
        2,
        "space.arch.depth: 9 does not exist: basic blocks come in depths 8, 10, 14, 18, 20, 32, 34, 44, 56, 110",
    ),
    (
        "search digits --address nowhere",
        2,
        "--address must be HOST:PORT, ray://HOST:PORT or auto, got 'nowhere' (see xoresnet search --help)",
    ),
    (
        "search digits --wait-for-nodes 2",
        2,
        "--wait-for-nodes has no effect without a Ray cluster; add --address HOST:PORT",
    ),
    (
        "search digits storage=postgres://ann:secret@db.lab/studies",
        2,
        "storage: postgres://ann:***@db.lab/studies: postgres:// is unknown; write postgresql://",
    ),
    (
        "search digits storage=studies.db",
        2,
        (
            "storage: must be the URL of a database, for example sqlite:///study.db or postgresql://USER@HOST/NAME, "
            "got 'studies.db'"
        ),
    ),
    ("search digits --run s3//bucket/run", 2, "s3//bucket/run is not a URL; did you mean s3://bucket/run?"),
    (
        "search digits --run ss3://bucket/run",
        2,
        (
            "ss3://bucket/run: unknown URL scheme 'ss3'; use abfs, gs, hdfs, hf, s3, sftp, smb, webdav or another "
            "scheme of fsspec"
        ),
    ),
    ("search digits --run trained", 2, "{here}/trained holds a training, not a search; choose another run folder"),
    ("search digits --run file.txt", 2, "{here}/file.txt is not a folder; choose another run folder"),
    ("search digits warm_start=nosuch --run new", 2, "warm_start: there is no folder nosuch"),
    ("status nosuch", 2, "there is no folder nosuch"),
    ("status mine", 2, "there is no folder mine; did you mean runs/mine?"),
    *((f"{command} mine", 2, MINE) for command in ("ablate", "confirm", "export", "front", "repair", "report")),
    ("status min", 2, "there is no folder min; did you mean runs/mine?"),
    ("status runs/min", 2, "there is no folder runs/min; did you mean runs/mine?"),
    ("predict mine 1.png", 2, "there is no model mine; did you mean runs/mine:knee?"),
    ("predict modl 1.png", 2, "there is no folder modl; did you mean model?"),
    ("predict mine:3 1.png", 2, "there is no model mine:3; did you mean runs/mine:3?"),
    ("train mine:3", 2, MINE),
    ("search digits warm_start=mine --run new", 2, f"warm_start: {MINE}"),
    ("front theirs", 2, "theirs holds no search: it has no config.yaml; did you mean runs/theirs?"),
    ("front runs", 2, "runs is not a run, but holds 2 runs; write for example runs/mine"),
    ("front model", 2, "model holds a model, not a search"),
    ("front trained", 2, "trained holds a training, not a search"),
    ("front run --max-spikes -5", 2, "--max-spikes must be at least 0, got -5"),
    ("front run --max-spikes few", 2, "--max-spikes must be a number, got 'few' (see xoresnet front --help)"),
    ("front run --min-accuracy 90", 2, "--min-accuracy must lie between 0 and 1, got 90"),
    ("front run --sort speed", 2, "--sort: there is no column 'speed'; did you mean 'seed'?"),
    ("front run --csv --json", 2, "--csv and --json exclude each other"),
    ("report run --output nosuch/report.html", 2, "--output: there is no folder nosuch"),
    ("report run --output empty", 2, "--output: empty is a folder; name a file in it"),
    ("report run --figures nosuch/figures", 2, "--figures: there is no folder nosuch"),
    ("export run --pick knees", 2, "pick: 'knees' is neither a criterion nor a network of run; did you mean 'knee'?"),
    ("export run --pick max-spikes=few", 2, "pick max-spikes=few: 'few' is not a number"),
    (
        "export run --pick max-spikes=1",
        1,
        "no complete trial has spikes_per_sample <= 1; trial 6 comes closest, with spikes_per_sample 69.122",
    ),
    ("export run --pick 1", 1, "pick 1: this trial is PRUNED; only COMPLETE trials can be picked"),
    ("export run --to onxx", 2, "--to: 'onxx' is not one of safetensors, nir, onnx, pt2; did you mean 'onnx'?"),
    ("export run --output file.txt", 2, "--output: file.txt is a file; name a folder"),
    ("export run --output runs", 2, "runs holds other files, such as mine; choose another folder"),
    (
        "export trained",
        1,
        "the training in trained is not finished: it has no weights; finish it with the same command",
    ),
    ("export model --pick knee", 2, "model holds one network; --pick is for searches, leave it out"),
    ("confirm nosuch", 2, "there is no folder nosuch"),
    ("confirm run --seeds 0", 2, "--seeds must be at least 1, got 0 (see xoresnet confirm --help)"),
    ("confirm run --seeds three", 2, "--seeds must be a whole number, got 'three' (see xoresnet confirm --help)"),
    (
        "confirm run --adress auto",
        2,
        "No such option '--adress'. Did you mean '--address'? (see xoresnet confirm --help)",
    ),
    (
        "confirm run budget=9",
        2,
        (
            "budget is fixed by the search; confirm accepts only address, cpus_per_trial, gpus_per_trial, loggers, "
            "max_concurrent, retries, trial_seconds, data.root, data.verify"
        ),
    ),
    ("repair file.txt", 2, "file.txt is a file, not the folder of a run"),
    (
        "train xoresnet9",
        2,
        (
            "'xoresnet9' is not a baseline: xoresnet exists with depths 8, 10, 11, 14, 18, 20, 26, 29, 32, 34, 44, 47, "
            "50, 56, 101, 110, 152; did you mean 'xoresnet8'? (or give the path of an arch.json)"
        ),
    ),
    ("train nosuch.json", 2, "there is no file nosuch.json"),
    ("train run", 2, "run holds a search; name one of its trials, run:ID (to list them: xoresnet front run)"),
    ("train run:99", 2, "run:99: run has no trial 99 that trained a network"),
    (
        "train xoresnet8 --lr 0.1",
        2,
        "No such option '--lr'. Write learning_rate=0.1 instead. (see xoresnet train --help)",
    ),
    ("train xoresnet8 timesteps=0", 2, "timesteps: must be at least 1, got 0"),
    (
        "train xoresnet8 merge=xor",
        2,
        "merge: 'xor' is not one of add, and, iand, or, current, oa, membrane; did you mean 'or'?",
    ),
    ("train xoresnet8 --device gpu", 2, "--device gpu: not a device; write for example cpu, cuda or cuda:1"),
    (
        "train xoresnet8 --data mnist",
        2,
        (f"{NO_MNIST}"),
    ),
    (
        "train xoresnet8 --data folder",
        2,
        (
            "the data set folder needs a root; give the folder that contains one folder of images for each class: "
            "data.root=DIR, or --data-root DIR of `xoresnet data` and `xoresnet train`"
        ),
    ),
    ("train xoresnet8 --data folder --data-root nosuch", 2, "there is no folder nosuch"),
    (
        "train xoresnet8 --data folder --data-root pictures/cat",
        1,
        "{here}/pictures/cat contains images but no class folders; give the folder above it as the root",
    ),
    (
        "train xoresnet8 --data folder --data-root pictures",
        1,
        "{here}/pictures: class 'cat' has only one image; at least 2 are required, to set one aside",
    ),
    (
        "train xoresnet8 epochs=3 --run trained",
        2,
        (
            "trained holds another training: arch.width was 2, is 16; arch.merge was add, is oa; arch.xor was none, is "
            "middle; arch.timesteps was 2, is 4; recipe.batch_size was 128, is 64; recipe.precision was fp32, is auto; "
            "choose another run folder"
        ),
    ),
    (
        "data mnist",
        2,
        (f"{NO_MNIST}"),
    ),
    (
        "data cifar10 --data-root empty",
        1,
        "the data set cifar10 is not found in {here}/empty, {here}/data; to get it: xoresnet data cifar10 --download",
    ),
    ("data digits image_size=[3,3]", 2, "digits has no option image_size: its images are used as they are"),
    ("space own.yaml --check nosuch.json", 2, "there is no file nosuch.json"),
    ("space digits --out new", 2, "--out has no effect without --sample N"),
    (
        "doctor --data mnist",
        2,
        (f"{NO_MNIST}"),
    ),
    (
        "doctor --address nowhere",
        2,
        "--address must be HOST:PORT, ray://HOST:PORT or auto, got 'nowhere' (see xoresnet doctor --help)",
    ),
]
"""Command, exit code, and the sentences after `error: `."""


@pytest.mark.parametrize(("words", "code", "sentences"), COMMANDS, ids=[words for words, *_ in COMMANDS])
def test_command(words: str, code: int, sentences: str, here: Path) -> None:
    result = xoresnet(*words.split())
    expected = [f"error: {sentence}" for sentence in sentences.replace("{here}", str(here)).splitlines()]
    assert (result.code, result.err.splitlines(), result.out) == (code, expected, "")


def small(**fields: Any) -> Arch:
    return Arch(**{"input_shape": (1, 8, 8), "num_classes": 10, "depth": 8, "width": 2, **fields})


def config(**fields: Any) -> SearchConfig:
    return SearchConfig(space="digits", **fields)


PYTHON: list[tuple[Callable[[], object], type[XOResNetError], str]] = [
    (lambda: SearchConfig(), SpecError, "space: required, but missing"),
    (
        lambda: SearchConfig(space="digit"),
        SpecError,
        f"space: unknown preset 'digit'; the presets are {PRESETS}; did you mean 'digits'?",
    ),
    (
        lambda: config(data="mnist"),
        SpecError,
        (f"data.name: {NO_MNIST}"),
    ),
    (lambda: config(recipe={"lr": 0.1}), SpecError, "recipe.lr: unknown field; did you mean 'learning_rate'?"),
    (lambda: config(recipe={"learning_rate": "fast"}), SpecError, "recipe.learning_rate: must be a number, got 'fast'"),
    (
        lambda: config(strategy="promote"),
        SpecError,
        "strategy: 'promote' is not one of freeze-thaw, promotion, classic; did you mean 'promotion'?",
    ),
    (
        lambda: config(sampler="tpee"),
        SpecError,
        "sampler: 'tpee' is not one of tpe, nsga2, random, grid, or a dotted path; did you mean 'tpe'?",
    ),
    (
        lambda: config(pruner="paretto"),
        SpecError,
        (
            "pruner.kind: 'paretto' is not one of pareto, none, median, successive-halving, hyperband, or a dotted "
            "path; did you mean 'pareto'?"
        ),
    ),
    (
        lambda: config(prior="share"),
        SpecError,
        "prior.kind: 'share' is not one of none, shared; did you mean 'shared'?",
    ),
    (
        lambda: config(loggers="wandbb"),
        SpecError,
        "loggers.0: 'wandbb' is not one of tensorboard, mlflow, wandb, or a dotted path; did you mean 'wandb'?",
    ),
    (
        lambda: config(objectives=["acc:max", "spikes:min"]),
        SpecError,
        (
            "objectives.0: 'acc' is not measured after an epoch; did you mean 'val_accuracy'?; objectives.1: 'spikes' "
            "is not measured after an epoch; did you mean 'spikes_per_sample'?"
        ),
    ),
    (
        lambda: config(objectives=["val_accuracy:max"]),
        SpecError,
        "objectives: a search requires at least two objectives, got 1",
    ),
    (
        lambda: config(objectives=["val_accuracy:up", "spikes_per_sample:min"]),
        SpecError,
        "objectives.0.direction: 'up' is not one of max, min",
    ),
    (lambda: config(baselines="all"), SpecError, "baselines: 'all' is not one of candidates, first, none"),
    (lambda: config(stop="plato"), SpecError, "stop: 'plato' is not one of budget, plateau; did you mean 'plateau'?"),
    (lambda: config(n_trials=4), SpecError, "n_trials: unknown field; did you mean 'budget'?"),
    (lambda: config(budget="4"), SpecError, "budget: must be a number, got '4'"),
    (
        lambda: config(address="nowhere"),
        SpecError,
        "address: must be HOST:PORT, ray://HOST:PORT or auto, got 'nowhere'",
    ),
    (
        lambda: config(storage="postgres://ann:secret@db.lab/studies"),
        SpecError,
        "storage: postgres://ann:***@db.lab/studies: postgres:// is unknown; write postgresql://",
    ),
    (
        lambda: SearchConfig(space={"depth": [8]}),
        SpecError,
        "space.depth: unknown field; the fields are arch, recipe, constraints",
    ),
    (
        lambda: SearchConfig(space={"arch": {"dept": [8]}}),
        SpecError,
        "space.arch.dept: unknown field; did you mean 'depth'?",
    ),
    (
        lambda: SearchConfig(space={"arch": {"depth": [8], "merge": ["xor"]}}),
        SpecError,
        "space.arch.merge.0: 'xor' is not one of add, and, iand, or, current, oa, membrane; did you mean 'or'?",
    ),
    (
        lambda: run_search("digits", "new"),
        UsageError,
        "config must be a SearchConfig, such as SearchConfig(space='digits'), got str",
    ),
    (
        lambda: run_search(config(), "s3//bucket/run"),
        UsageError,
        "s3//bucket/run is not a URL; did you mean s3://bucket/run?",
    ),
    (lambda: confirm("nosuch"), NoRunError, "there is no folder nosuch"),
    (lambda: confirm("run", seeds=0), UsageError, "seeds must be at least 1, got 0"),
    (lambda: load("nosuch"), NoRunError, "there is no folder nosuch"),
    (lambda: load("mine"), NoRunError, "there is no folder mine; did you mean runs/mine?"),
    (lambda: load("trained"), NoRunError, "trained holds a training, not a search"),
    (lambda: load("empty"), NoRunError, "empty holds no search: it has no config.yaml"),
    (lambda: load("file.txt"), NoRunError, "file.txt is a file, not the folder of a run"),
    (
        lambda: load("ss3://bucket/run"),
        NoRunError,
        (
            "ss3://bucket/run: unknown URL scheme 'ss3'; use abfs, gs, hdfs, hf, s3, sftp, smb, webdav or another "
            "scheme of fsspec"
        ),
    ),
    (
        lambda: best(load("run").trials, max_spikes=1),
        UsageError,
        "no complete trial has spikes_per_sample <= 1; trial 6 comes closest, with spikes_per_sample 69.122",
    ),
    (
        lambda: pareto_front(load("run").trials, {"accuracy": "max"}),
        UsageError,
        "the frame has no column 'accuracy'; did you mean 'val_accuracy'?",
    ),
    (lambda: load_model("nosuch"), NoModelError, "there is no folder nosuch"),
    (lambda: load_model("run"), NoModelError, "run holds a search; name one of its networks, run:knee or run:ID"),
    (
        lambda: load_model("run:99"),
        ModelError,
        "run holds no model of a trial 99: it is not complete, or its weights were removed",
    ),
    (lambda: load_model("trained"), ModelError, "trained holds a training that is not finished: it has no config.json"),
    (lambda: load_model("empty"), NoModelError, "empty holds no model: config.json is missing"),
    (lambda: load_model("file.txt"), NoModelError, "file.txt is not the folder of a model"),
    (
        lambda: load_model("s3://bucket/model"),
        NoModelError,
        (
            "s3://bucket/model is a URL, but models are read from folders of this machine; write the model here first, "
            "with xoresnet export RUN --pick ID, and load that folder"
        ),
    ),
    (lambda: load_model("model").predict("nosuch.png"), UsageError, "there is no file nosuch.png"),
    (
        lambda: load_model("model").predict("pictures/cat/1.png"),
        DataError,
        "pictures/cat/1.png cannot be decoded as an image: it is none of BMP, GIF, JPEG, PNG, PPM, WEBP",
    ),
    (lambda: load_model("model").predict("empty"), UsageError, "empty contains no images"),
    (
        lambda: load_model("model").predict(np.full((8, 8), 200.0)),
        UsageError,
        (
            "image 0: floating-point pixels must lie in [0, 1], but these range from 200 to 200; divide them by 255, "
            "or convert them to uint8"
        ),
    ),
    (
        lambda: load_model("model").predict(np.zeros((8, 8), int)),
        UsageError,
        "image 0: pixels must be uint8 from 0 to 255 or floating-point numbers in [0, 1], got int64",
    ),
    (
        lambda: load_model("model").predict(np.zeros((5, 8, 8), np.uint8)),
        UsageError,
        (
            "image 0: an image is [H, W], [C, H, W] or [H, W, C] with 1 or 3 channels; many images are [N, C, H, W] or "
            "[N, H, W, C], got [5, 8, 8]"
        ),
    ),
    (lambda: load_model("model").predict([]), UsageError, "no images were given"),
    (
        lambda: load_model("model").predict(None),
        UsageError,
        "images must be paths, arrays, tensors and images of Pillow, or lists of them, got NoneType",
    ),
    (
        lambda: Arch(),
        SpecError,
        "input_shape: required, but missing; num_classes: required, but missing; depth: required, but missing",
    ),
    (
        lambda: small(depth=9),
        SpecError,
        "depth: 9 does not exist: basic blocks come in depths 8, 10, 14, 18, 20, 32, 34, 44, 56, 110",
    ),
    (
        lambda: small(merge="xor"),
        SpecError,
        "merge: 'xor' is not one of add, and, iand, or, current, oa, membrane; did you mean 'or'?",
    ),
    (
        lambda: small(input_shape=(8, 8)),
        SpecError,
        "input_shape: must be a list of 3 values (channels, height, width), got (8, 8)",
    ),
    (lambda: small(wdth=3), SpecError, "wdth: unknown field; did you mean 'width'?"),
    (lambda: small(neuron="liff"), SpecError, "neuron.kind: 'liff' is not one of lif, if, plif; did you mean 'lif'?"),
    (lambda: small().replace(T=4), SpecError, "T: unknown field; did you mean 'timesteps'?"),
    (lambda: Arch.load("nosuch.json"), UsageError, "there is no file nosuch.json"),
    (
        lambda: Arch.baseline("xoresnet9", input_shape=(1, 8, 8), num_classes=10),
        SpecError,
        (
            "name: 'xoresnet9' is not a baseline: xoresnet exists with depths 8, 10, 11, 14, 18, 20, 26, 29, 32, 34, "
            "44, 47, 50, 56, 101, 110, 152; did you mean 'xoresnet8'?"
        ),
    ),
    (lambda: Recipe(lr=0.1), SpecError, "lr: unknown field; did you mean 'learning_rate'?"),
    (lambda: Recipe(epochs=0), SpecError, "epochs: must be at least 1, got 0"),
    (
        lambda: load_data("mnist"),
        UsageError,
        (f"{NO_MNIST}"),
    ),
    (
        lambda: load_data("folder"),
        UsageError,
        (
            "the data set folder needs a root; give the folder that contains one folder of images for each class: "
            "data.root=DIR, or --data-root DIR of `xoresnet data` and `xoresnet train`"
        ),
    ),
    (lambda: load_data("folder", "nosuch"), UsageError, "there is no folder nosuch"),
    (
        lambda: list(fit(small(num_classes=5), load_data("digits"), Recipe(epochs=1))),
        DataError,
        "the network takes images [1, 8, 8] of 5 classes, digits has [1, 8, 8] of 10",
    ),
    (
        lambda: list(fit(small(), load_data("digits"), Recipe(epochs=1), device="gpu")),
        UsageError,
        "'gpu' is not a device; write for example cpu, cuda or cuda:1",
    ),
    (
        lambda: SearchSpace.preset("digit"),
        SpecError,
        f"unknown preset 'digit'; the presets are {PRESETS}; did you mean 'digits'?",
    ),
    (
        lambda: SearchSpace.from_dict({"arch": {"depth": [8]}}),
        SpecError,
        "arch.input_shape: required, but missing; arch.num_classes: required, but missing",
    ),
    (
        lambda: export(XOResNet(small()), load_model("model").config, "new", ["onxx"]),
        UsageError,
        "'onxx' is not one of safetensors, pt2, onnx, nir; did you mean 'onnx'?",
    ),
    (
        lambda: export(load_model("model").net, load_model("model").config, "pictures"),
        UsageError,
        "pictures holds other files, such as cat; choose another folder",
    ),
]


@pytest.mark.parametrize(("call", "kind", "sentence"), PYTHON, ids=[sentence for *_, sentence in PYTHON])
def test_python(call: Callable[[], object], kind: type[XOResNetError], sentence: str) -> None:
    with pytest.raises(XOResNetError) as caught:
        call()
    assert (str(caught.value), type(caught.value)) == (sentence, kind)
    assert isinstance(caught.value, ValueError)  # as Python's own functions raise for wrong values
