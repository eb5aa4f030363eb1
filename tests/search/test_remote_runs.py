"""Runs that are not in a folder that every node sees: at a URL, on a real S3-compatible server, and on another disk."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.s3_server import make_bucket, s3_server, variables
from tests.search.command_line import xoresnet
from tests.search.execution.cluster.test_cluster import NODE, kill_node
from tests.search.runs import SMALL, XORESNET, end_search, without_guessing
from xoresnet.files.remote import RemoteFolder
from xoresnet.results import load


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with s3_server() as address:
        for name, value in variables(address).items():
            monkeypatch.setenv(name, value)
        yield make_bucket(address)


def reported(remote: RemoteFolder) -> int:
    return (remote.read("study.journal") or b"").count(b'"report:')


def test_a_run_in_object_storage(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its driver is killed; another one continues it elsewhere, and everything that reads finds it at its URL."""
    url = f"{bucket}/runs/small"
    remote, run = RemoteFolder(url), f"--run={url}"
    monkeypatch.chdir(tmp_path)
    # small batches, so that the search takes much longer than what lies between two uploads
    Path("small.yaml").write_text(SMALL.replace("batch_size: 128", "batch_size: 4"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one machine"))
    kill, alone = lambda process: process.send_signal(signal.SIGKILL), "max_concurrent=1"
    end_search(tmp_path, lambda: reported(remote) >= 2, kill, run, alone)
    before = reported(remote)
    assert 2 <= before < 18

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    finished = apart("search", run)
    assert f"next: xoresnet report {url} --output report.html; xoresnet export {url}" in finished
    status = xoresnet("status", url, "--json").json
    assert (status["searching"], status["running"], status["failed"]) == (False, [], 0)
    trials = load(url).trials
    assert trials["epochs_trained"].sum() <= 18  # nothing was trained twice
    complete = [f"{row.trial_id:04d}-{row.arch_id}" for row in trials[trials["state"] == "COMPLETE"].itertuples()]
    pruned = [f"{row.trial_id:04d}-{row.arch_id}" for row in trials[trials["state"] == "PRUNED"].itertuples()]
    assert complete
    kept = [name for name in remote.files() if name.endswith(".safetensors")]
    assert sorted(kept) == sorted(
        [f"trials/{name}/weights.safetensors" for name in complete]
        + [f"trials/{name}/checkpoint.safetensors" for name in pruned]  # a larger budget resumes them
    )
    front = xoresnet("front", url, "--json").json
    assert [row["trial_id"] for row in front] == [row["trial_id"] for row in status["front"]]
    assert xoresnet("report", url, "--output", "report.html").code == 0
    exported = xoresnet("export", url)
    assert exported.code == 0, exported.err
    assert "verified, matches the original" in exported.out
    apart("confirm", url, "--seeds=1", "--pick=knee")
    assert "small:" in xoresnet("export", url, "--output=confirmed").out
    assert load(url).confirmed["test_accuracy"].notna().all()
    apart("ablate", url, "--seeds=1", "--fields=merge")
    assert set(load(url).ablations["value"].dropna()) < {"or", "add"}
    apart("search", run, "budget=7")
    assert {*Path().iterdir()} == {Path("report.html"), Path("export"), Path("confirmed")}


def test_a_url_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("file").touch()
    url = f"local://{tmp_path}/file/run"
    refused = xoresnet("search", "digits", "budget=1", "--run", url)
    assert refused.is_refusal(1, f"{url}* cannot be *")
    assert xoresnet("status", f"local://{tmp_path}/none").is_refusal(2, f"local://{tmp_path}/none holds no search*")
    unknown = xoresnet("search", "digits", "budget=1", "--run", "gopher://old/run")
    assert unknown.is_refusal(2, "gopher://old/run: *")


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0,
    reason="this user may not make mount namespaces",
)
def test_no_node_shares_the_folder_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node has an empty disk where the driver has the run: weights, prior, export and confirm work there too."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    runs = tmp_path / "runs"
    runs.mkdir()
    (tmp_path / "small.yaml").write_text(SMALL)
    port, nodes = free_port(), []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
            nodes.append(start_apart(runs, [*NODE, "--num-cpus=1", *head]))
            nodes.append(start_apart(runs, [*NODE, "--num-cpus=1", f"--address=127.0.0.1:{port}"]))
            address, run = f"--address=127.0.0.1:{port}", str(runs / "small")
            small = str(tmp_path / "small.yaml")
            prior = ["prior=shared", "prior.epochs=1", "prior.networks=2"]
            apart("search", small, *prior, address, "--wait-for-nodes=2", f"--run={run}")
            trials = load(run).trials
            complete = trials[trials["state"] == "COMPLETE"]
            names = {f"{row.trial_id:04d}-{row.arch_id}" for row in complete.itertuples()}
            assert names == {file.parent.name for file in (runs / "small" / "trials").rglob("weights.safetensors")}
            assert len(load(run).predicted) == 2
            assert not list(runs.rglob(".*safetensors*"))  # nothing half written is left
            exported = xoresnet("export", run, "--json")
            assert exported.code == 0, exported.err
            apart("confirm", run, "--seeds=1", "--pick=knee", f"address=127.0.0.1:{port}")
            assert load(run).confirmed["weights"].notna().all()
        finally:
            for node in reversed(nodes):
                kill_node(node)


def apart(*words: str) -> str:
    """Run a command to its end in a process of its own, whose Ray has the variables of this one; returns its stdout."""
    ended = subprocess.run([*XORESNET, *words], capture_output=True, text=True, check=False, timeout=500)
    assert (ended.returncode, without_guessing(ended.stderr)) == (0, "")
    return ended.stdout


def start_apart(hidden: Path, words: list[str]) -> subprocess.Popen[str]:
    """Start a node that has an empty file system in the place of this folder."""
    mount = 'mount -t tmpfs none "$0" && exec "$@"'
    node = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", mount, str(hidden), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        env=dict(os.environ),
    )
    assert node.stdout is not None
    lines = []
    for line in node.stdout:
        lines.append(line)
        if "Ray runtime started" in line:
            return node
    raise AssertionError("".join(lines))
