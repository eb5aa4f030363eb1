"""Names of loggers, the packages behind them, and users' own; what they write is tested in `execution/trackers`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ray.tune import Callback
from ray.tune.logger import JsonLoggerCallback

from tests.search.command_line import xoresnet
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.config import SearchConfig
from xoresnet.search.loggers import LOGGERS, check_loggers, find_logger
from xoresnet.search.prepare import plan_search

pytestmark = pytest.mark.filterwarnings("ignore")  # of the packages, when they are imported


def config(*loggers: str) -> SearchConfig:
    return SearchConfig(space="digits", loggers=loggers)


def test_there_are_none_by_default() -> None:
    assert SearchConfig(space="digits").loggers == ()


@pytest.mark.parametrize("name", [*LOGGERS, "mylab.loggers.Mine"])
def test_one_needs_no_list(name: str) -> None:
    assert SearchConfig.from_dict({"space": "digits", "loggers": name}).loggers == (name,)


KNOWN = "is not one of tensorboard, mlflow, wandb, or a dotted path"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tensorbord"], f"loggers.0: 'tensorbord' {KNOWN}; did you mean 'tensorboard'?"),
        (["wandb", "MLFlow"], f"loggers.1: 'MLFlow' {KNOWN}; did you mean 'mlflow'?"),
        (["comet"], f"loggers.0: 'comet' {KNOWN}"),
        (["mlflow", "wandb", "mlflow"], "loggers.2: 'mlflow' is given twice"),
    ],
)
def test_wrong_names(names: list[str], message: str) -> None:
    with pytest.raises(SpecError) as error:
        SearchConfig.from_dict({"space": "digits", "loggers": names})
    assert str(error.value) == message


@pytest.mark.parametrize("name", LOGGERS)
def test_a_package_that_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before the first trial, with what to install."""
    monkeypatch.setitem(sys.modules, LOGGERS[name], None)  # as Python marks a module that cannot be found
    with pytest.raises(UsageError) as error:
        plan_search(config(name))
    assert str(error.value) == (
        f"loggers: {name} needs the package {LOGGERS[name]}; install it with pip install 'xoresnet[{name}]'"
    )


def test_a_package_that_is_broken(tmp_path: Path) -> None:
    """It is installed: something else is missing."""
    (tmp_path / "mlflow.py").write_text("import packge_of_mlflow")
    code = "from xoresnet.search.loggers import check_loggers; check_loggers(['mlflow'])"
    program = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    reason = "ModuleNotFoundError: No module named 'packge_of_mlflow'"
    assert f"loggers: mlflow cannot be used, because mlflow fails with {reason}" in done.stderr


def test_wandb_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask for one in the midst of the search."""
    code = "from xoresnet.search.loggers import check_loggers; check_loggers(['wandb'])"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
    for mode, told in ((None, "loggers: wandb has no API key; run `wandb login`"), ("offline", "")):
        more = {} if mode is None else {"WANDB_MODE": mode}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True, text=True, check=False, env=environment | more, cwd=tmp_path,
        )  # fmt: skip
        assert told in done.stderr
        assert bool(told) == bool(done.returncode)


# users' own


def test_a_class_and_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "two_loggers.py").write_text(
        "from ray.tune import Callback\nclass Mine(Callback): pass\nan_object = Mine()\n"
        "class Greedy(Callback):\n    def __init__(self, key): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(find_logger("two_loggers.Mine"), Callback)
    assert find_logger("two_loggers.an_object") is find_logger("two_loggers.an_object")
    with pytest.raises(UsageError, match=r"^loggers: two_loggers.Greedy cannot be created without arguments: TypeErr"):
        check_loggers(["two_loggers.Greedy"])
    with pytest.raises(SpecError, match=r"^loggers: 'two_loggers.Min' does not exist.*; did you mean 'Mine'\?$"):
        plan_search(config("two_loggers.Min"))


def test_one_of_rays() -> None:
    assert type(find_logger("ray.tune.logger.JsonLoggerCallback")) is JsonLoggerCallback


def test_something_else() -> None:
    with pytest.raises(SpecError) as error:
        plan_search(config("json.JSONDecoder"))
    assert str(error.value) == (
        "loggers: 'json.JSONDecoder' must be a Callback of Ray Tune, or a class of them, but its type is type"
    )


def test_nothing_is_imported_to_read_a_run(real_search: Path, tmp_path: Path) -> None:
    """A stranger's run may name anything."""
    text = (real_search / "config.yaml").read_text()
    run = tmp_path / "run"
    run.mkdir()
    for file in ("study.journal", "trials.parquet", "history.parquet", "layers.parquet", "front.csv"):
        (run / file).write_bytes((real_search / file).read_bytes())
    assert "loggers: []\n" in text
    (run / "config.yaml").write_text(text.replace("loggers: []\n", "loggers: [stranger.Logger, mlflow]\n"))
    for command in ("status", "front", "report"):
        assert xoresnet(command, str(run)).code == 0
    assert xoresnet("confirm", str(run), "--seeds=1", "--dry-run").err.startswith("error: loggers: 'stranger.Logger'")
    assert xoresnet("confirm", str(run), "--seeds=1", "--dry-run", "loggers=[]").code == 0
