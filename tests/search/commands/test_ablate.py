"""`xoresnet ablate`: a small real one, interrupted and gone on with; what is printed; and what it refuses."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.search.ablations import ablating
from tests.search.command_line import Result, xoresnet
from tests.search.confirmations import carry_out, made_search
from tests.search.runs import XORESNET
from tests.shared_folder import shared_folder
from xoresnet import Arch
from xoresnet.data.load import find_loader
from xoresnet.results import load, load_ablation, paired_effects
from xoresnet.search import ablate
from xoresnet.search.ablation.study import ABLATION

pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = (
    "ablate", "or-resnet8", "width=2", "timesteps=2", "epochs=2", "batch_size=128", "precision=fp32",
    "max_concurrent=1", "--values", "merge=add,or,oa", "--seeds", "2",
)  # fmt: skip


def states(folder: Path) -> list[str]:
    study = ABLATION.look(folder)
    return [] if study is None else [trial.state.name for trial in study.trials]


@pytest.fixture(scope="module")
def real(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ablation that was interrupted during its third epoch, and went on; only read."""

    def make(folder: Path) -> None:
        run = folder / "run"
        process = subprocess.Popen(
            [*XORESNET, *WORDS, "--run", str(run)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        end = time.monotonic() + 240
        journal = run / "ablation.journal"
        while process.poll() is None and time.monotonic() < end:
            if journal.exists() and journal.read_text().count('"report:') >= 3:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=90)
        (run / "code.txt").write_text(str(process.returncode))
        (run / "errors.txt").write_text(errors)
        (run / "states.txt").write_text(" ".join(states(run)))
        again = xoresnet(*WORDS, "--run", str(run))
        assert (again.code, again.err) == (0, "")
        (run / "output.txt").write_text(again.out)

    return shared_folder(tmp_path_factory, "ablated", make) / "run"


def test_interrupted_it_says_how_to_go_on(real: Path) -> None:
    words = [word for word in WORDS if not word.startswith("--") and word not in ("merge=add,or,oa", "2")]
    resumes = " ".join(["xoresnet", *words, "--seeds=2", f"--run={real}", "--values=merge=add,or,oa"])
    assert (real / "errors.txt").read_text() == (
        f"error: interrupted; everything finished is kept in {real}; to resume: {resumes}\n"
    )
    assert (real / "code.txt").read_text() == "130"
    before = (real / "states.txt").read_text().split()
    assert before[0] == "COMPLETE"
    assert len(before) < 6 or "RUNNING" in before
    assert states(real) == ["COMPLETE"] * 6
    assert len(load_ablation(real)["training_id"].unique()) == 6  # two seeds of three networks, none twice
    study = ABLATION.look(real)
    assert study is not None
    for trial in study.trials:
        assert [name for name in trial.user_attrs if name.startswith("report:")] == ["report:1", "report:2"]


def test_all_networks_have_the_same_seeds(real: Path) -> None:
    table = load_ablation(real)
    for _, rows in table.groupby("config.merge"):
        assert list(rows["seed"]) == [1, 2]
    assert list(table["value"].fillna("or")) == list(table["config.merge"])
    assert table["test_accuracy"].between(0, 1).all()
    assert (table["test_spikes_per_sample"] > 1).all()
    assert (table["test_accuracy"] != table["val_accuracy"]).any()
    assert list((real / "ablated").iterdir()) == []


def test_more_seeds_in_python(real: Path, ray: None, tmp_path: Path) -> None:
    run = shutil.copytree(real, tmp_path / "run")
    outcome = ablate(
        run,
        arch=Arch.baseline("or-resnet8", input_shape=(1, 8, 8), num_classes=10).replace(width=2, timesteps=2),
        recipe=find_loader("digits").recipe.replace(epochs=2, batch_size=128, precision="fp32"),
        values={"merge": ["add", "or", "oa"]},
        seeds=3,
        limits={"max_concurrent": 1},
    )
    assert (outcome.ended, outcome.failed) == ("all networks are trained", False)
    assert load_ablation(run).groupby("seed").size().to_dict() == {1: 3, 2: 3, 3: 3}


def test_what_is_printed(real: Path) -> None:
    first, *lines = (line.rstrip() for line in (real / "output.txt").read_text().splitlines())
    assert re.fullmatch(r"1 network and 2 networks with one change, on 2 seeds each; [1-5] of 6 trainings left", first)
    title, head, *rows, reading, table = lines[-6:]
    assert title.startswith("or-resnet8 ")
    assert " (merge or): test accuracy " in title
    assert head.split() == ["change", "test_accuracy", "p", "test_spikes_per_sample", "p", "seeds"]
    effects = paired_effects(load_ablation(real)).set_index(["value", "metric"])
    for row, value in zip(rows, ("add", "oa"), strict=True):
        assert row.startswith(f"merge={value} ")
        assert row.endswith(" 2")
        accuracy, spikes = (effects.loc[(value, f"test_{name}")] for name in ("accuracy", "spikes_per_sample"))
        assert f" {100 * accuracy['effect']:+.2f} [" in row or pd.isna(accuracy["low"])
        assert f" \u00d7{spikes['effect']:.3g} [{spikes['low']:.3g}, {spikes['high']:.3g}] " in row
    assert reading.startswith("Each row: what the change does to the means over seeds, with its 95 % interval")
    assert table == f"next: xoresnet report {real}"


def test_a_report_of_it(real: Path, tmp_path: Path) -> None:
    run = shutil.copytree(real, tmp_path / "run")
    result = xoresnet("report", str(run), "--figures", str(tmp_path / "figures"))
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Merge ")
    assert "over 2 seeds of or-resnet8." in result.out
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "xoresnet ablation on digits" in page
    assert '"one_change"' in page
    assert "Nothing to show yet" not in page
    assert "<dt>Networks</dt><dd>3</dd>" in page
    assert "The unchanged network is or-resnet8 (" in page
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"one_change.{f}" for f in ("png", "svg", "pdf")
    }
    assert xoresnet("report", real.as_uri(), "--output", str(tmp_path / "page.html")).code == 0
    assert xoresnet("front", str(run)).is_refusal(2, f"{run} holds an ablation, not a search")


def test_as_json(real: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(real, tmp_path / "run")
    result = xoresnet(*WORDS, "--run", str(folder), "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["run"] == str(folder)
    effects = paired_effects(load_ablation(folder))
    assert len(result.json["effects"]) == len(effects) == 4
    for printed, row in zip(result.json["effects"], effects.to_dict("records"), strict=True):
        assert printed == {name: None if pd.isna(value) else value for name, value in row.items()}
    assert result.json["skipped"] == []


# what is planned and shown, on figures that are made up


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only read."""
    return made_search(tmp_path_factory.mktemp("made") / "run")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_a_dry_run(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    words = ("ablate", str(folder), "--seeds=3", "--fields=merge,xor")
    result = xoresnet(*words, "--dry-run")
    plan = xoresnet(*words, "--dry-run", "--json").json
    assert (result.code, result.err) == (0, "")
    head, *rows, total, nothing = result.out.splitlines()
    assert sorted(path.name for path in folder.iterdir()) == before
    (network,) = plan["networks"]
    assert head.startswith(f"#{network['trial_id']} {network['arch_id']}  2 epochs, about ")
    assert len(rows) == len(network["changes"])
    trained = 0
    for row, change in zip(rows, network["changes"], strict=True):
        assert row.startswith(f"  {change['field']}={change['value']} ")
        assert row.endswith(change["reason"] or "s") or "min" in row
        trained += change["reason"] is None
        assert (change["arch_id"] is None) == (change["estimated_seconds"] is None) == (change["reason"] is not None)
    count = 3 * (1 + trained)
    assert total.startswith(f"seeds 1, 2, 3: {count} of {count} trainings left, ")
    assert plan["trainings_left"] == count
    assert nothing == "Nothing was trained or written."
    by_url = xoresnet("ablate", folder.as_uri(), "--seeds=3", "--fields=merge,xor", "--dry-run", "--json").json
    assert by_url["networks"][0]["arch_id"] == network["arch_id"]


def test_a_dry_run_of_a_network_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = xoresnet("ablate", "xoresnet8", "width=2", "epochs=1", "--fields=xor", "--seeds=1", "--dry-run")
    assert (result.code, result.err) == (0, "")
    head, *rows, total, _ = result.out.splitlines()
    assert head.startswith("xoresnet8 ")
    assert [re.split("  +", row.strip())[0] for row in rows] == ["xor=none", "xor=entry", "xor=both"]
    assert [re.split("  +", row)[-1] for row in rows[1:]] == [
        "the same network as with xor=none",
        "the same network as the unchanged one",
    ]
    assert total.startswith("seeds 1: 2 of 2 trainings left, ")
    assert list(tmp_path.iterdir()) == []


def test_the_front_is_shown_network_by_network_and_together(folder: Path) -> None:
    words = ("--front", "--values=merge=add,or", "--seeds=2")
    with ablating(folder, values={"merge": ["add", "or"]}, with_front=True, seeds=2) as run:
        carry_out(run, accuracy=lambda number: 0.5 + 0.01 * number)
        run.write_table()
        labels = [base.label for base in run.plan.bases]
    result = xoresnet("ablate", str(folder), *words)
    assert (result.code, result.err) == (0, "")
    lines = [line.rstrip() for line in result.out.splitlines()]
    assert lines[0].startswith("3 networks and ")
    titles = [line for line in lines if line.startswith(("#", "all of"))]
    assert [title.split()[0] for title in titles] == [*labels, "all"]
    assert titles[-1] == "all of these networks together: the mean of their differences"
    pooled = lines[lines.index(titles[-1]) + 2]
    assert re.match(r"merge=(add \(not or\)|or \(not add\)) ", pooled)
    assert lines[-1] == f"next: xoresnet report {folder}; xoresnet export {folder}"


def test_a_table_that_is_behind_its_journal(folder: Path) -> None:
    with ablating(folder, values={"merge": ["add", "or"]}, seeds=1) as run:
        carry_out(run)
        run.write_table()
    (folder / "ablations.parquet").unlink()
    assert xoresnet("front", str(folder)).code == 0
    assert len(load(folder).ablations) == 2


# what is refused


@pytest.fixture
def there(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(made.parent)
    before = sorted(made.parent.rglob("*"))
    yield
    assert sorted(made.parent.rglob("*")) == before


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("run --fields depht", 2, "fields: 'depht' is not a field that ablate can change; did you mean 'depth'?"),
        ("run --fields ,", 2, "fields: none are given; write for example merge,xor"),
        (
            "run --fields neuron",
            2,
            "fields: the space of this run holds neuron.kind constant at lif; name the values *",
        ),
        ("run --values merge", 2, "--values: 'merge' is not FIELD=VALUES; write for example merge=add,or"),
        ("run --values merge=or --values merge=add", 2, "--values: merge is given twice; join its values by commas"),
        (
            "run --values neuron=plif --values neuron.kind=if",
            2,
            "values: neuron and neuron.kind are the same field; join its values by commas",
        ),
        ("run --values merge=orr", 2, "values: merge=orr is impossible: 'orr' is not one of *; did you mean 'or'?"),
        ("run --values merge=or --fields xor", 2, "values: merge is not one of the fields xor"),
        ("run --data digits", 2, "--data is for a network of your own; RUN is a search, which has its data and its *"),
        ("run --pick knee --front", 2, "a pick and the front exclude each other; give one of them"),
        ("run epochs=12", 2, "epochs=12: write --epochs 12 instead"),
        ("run --pick nosuch", 2, "pick: 'nosuch' is neither a criterion nor a network of run*"),
        ("run width=4", 2, "width is fixed by the search; ablate accepts only address, *"),
        ("run budget=4", 2, "budget is fixed by the search; ablate accepts only address, *"),
        ("run data.name=cifar10", 2, "data.name is fixed by the search; ablate accepts only address, *"),
        ("run max_concurent=1", 2, "max_concurent: unknown key; did you mean 'max_concurrent'?"),
        ("run seeds=3", 2, "seeds=3: write --seeds 3 instead. (see xoresnet ablate --help)"),
        ("run --seeds 0", 2, "--seeds must be at least 1, got 0 (see xoresnet ablate --help)"),
        ("runs/nosuch", 2, "there is no folder runs/nosuch"),
        ("xoresnet9", 2, "'xoresnet9' is not a baseline: *"),
        (
            "xoresnet8 --front",
            2,
            "--front chooses networks of a search; give the folder of one as RUN, or *",
        ),
        ("xoresnet8 --run run", 2, "*run holds a search, not an ablation; choose another run folder"),
        ("xoresnet8 depth=14", 2, "depth is fixed by the name 'xoresnet8'; use the baseline of that depth"),
        ("xoresnet8 --fields block", 2, "no value of block gives another network (block=bottleneck: impossible: *)"),
        ("xoresnet8 --data digitz", 2, "*digitz* did you mean 'digits'?*"),
    ],
)
def test_what_is_refused(words: str, code: int, message: str) -> None:
    assert xoresnet("ablate", *words.split()).is_refusal(code, message)


def test_help() -> None:
    result: Result = xoresnet("ablate", "--help")
    assert result.code == 0
    assert "Change one field of a network at a time and measure what that does" in result.out


def test_the_page_on_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/ablate.md: its Python as written, on a run that is ablated; its commands, planned."""
    (tmp_path / "runs").mkdir()
    folder.rename(tmp_path / "runs" / "digits")
    monkeypatch.chdir(tmp_path)
    with ablating(Path("runs/digits"), values={"merge": ["add", "or"]}, seeds=2) as run:
        carry_out(run)
    page = (Path(__file__).parents[3] / "docs" / "ablate.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})
    assert "p_value_holm" in capsys.readouterr().out
    lines = re.findall(r"^    (xoresnet [^#\n]+)", page, flags=re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        words = line.replace("merge,timesteps", "merge").replace("17", "0").replace("xoresnet14", "xoresnet8").split()
        assert xoresnet(*words[1:], *["--dry-run"] * ("--dry-run" not in words)).code == 0, line
