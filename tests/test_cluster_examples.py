"""The files of examples/cluster: the script for SLURM runs on two real Ray nodes, the others are checked by schema."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import kubernetes_validate
import pytest
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.pages import ROOT
from tests.search.runs import SMALL, reported, status
from xoresnet.files.yaml_text import read_yaml

EXAMPLES = ROOT / "examples" / "cluster"
IMAGES = (ROOT / "Dockerfile", EXAMPLES / "Dockerfile")
MARK = re.compile(r"^ *# -{4}.*\n", flags=re.MULTILINE)
"""The lines around what users change."""

# SLURM

SRUN = """
import os, signal, subprocess, sys
command = sys.argv[next(place for place, word in enumerate(sys.argv) if place and not word.startswith("-")):]
nodes = range(int(os.environ["SLURM_JOB_NUM_NODES"]))
node = {"SLURM_CPUS_ON_NODE": os.environ["SRUN_CPUS_PER_TASK"]}
tasks = [subprocess.Popen(command, env={**os.environ, **node, "SLURM_NODEID": str(number)}) for number in nodes]
for forwarded in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(forwarded, lambda number, frame: [task.send_signal(number) for task in tasks])
print("tasks started", flush=True)
sys.exit(max(task.wait() for task in tasks))
"""
"""Starts the command once for each node, all on this machine, and passes signals on, as SLURM's does."""
CHANGES = """
#SBATCH --nodes=2
run=run
search=(small.yaml epochs=8 budget=3 batch_size=32)
ip=127.0.0.1
"""


class Job(NamedTuple):
    """A batch job as SLURM would start it: the script, on the first of two nodes of one CPU each."""

    folder: Path

    def prepare(self) -> None:
        (self.folder / "small.yaml").write_text(SMALL)
        script = (EXAMPLES / "slurm.sh").read_text()
        before, changed, after = MARK.split(script)
        assert {"run=", "search=", "ip="} <= {line.partition("=")[0] + "=" for line in changed.splitlines()}
        (self.folder / "slurm.sh").write_text(before + CHANGES + after)
        self.put("srun", f"#!{sys.executable}\n{SRUN}")
        self.put("scontrol", '#!/bin/sh\necho "$@" >>asked\n')
        self.set_state("RUNNING")

    def put(self, name: str, text: str) -> None:
        """A program of this name."""
        program = self.folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def set_state(self, state: str) -> None:
        """Of the job, as `squeue` tells it."""
        self.put("squeue", f"#!/bin/sh\necho {state}\n")

    @property
    def asked(self) -> str:
        """What `scontrol` was asked for."""
        asked = self.folder / "asked"
        return asked.read_text() if asked.exists() else ""

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def run(self, number: int, until: Callable[[], bool] = lambda: False, *, signals: str = "") -> int:
        """Run the job; as soon as `until` holds, SIGTERM comes to the script, or to the nodes alone."""
        path = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        of_slurm = {"JOB_ID": number, "JOB_NAME": "job", "JOB_NUM_NODES": 2, "CPUS_PER_TASK": 1}
        variables = {f"SLURM_{name}": str(value) for name, value in of_slurm.items()}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        with (self.folder / "log").open("a") as log:
            script = subprocess.Popen(
                ["bash", "slurm.sh"], cwd=self.folder, stdout=log, stderr=log, process_group=0,
                env={**environment, **variables, "PATH": path},
            )  # fmt: skip
        try:
            end = time.monotonic() + 400
            while script.poll() is None and time.monotonic() < end:
                if until():
                    os.kill(script.pid if signals == "script" else self._srun(script.pid), signal.SIGTERM)
                    return script.wait(timeout=90)
                time.sleep(0.1)
            return script.wait(timeout=1)
        finally:
            if script.poll() is None:
                os.killpg(script.pid, signal.SIGKILL)

    def _srun(self, script: int) -> int:
        words = ["pgrep", "-f", "bin/srun", "-P", str(script)]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path)
    job.prepare()
    return job


@pytest.fixture
def number() -> Iterator[int]:
    """Of a job that no other test has."""
    number = secrets.randbelow(10**9)
    yield number
    assert not Path(f"/tmp/ray-{number}").exists()


def test_a_job_is_preempted_and_resumes(job: Job, number: int) -> None:
    code = job.run(number, until=lambda: reported(job.folder) > 0, signals="nodes")
    assert code == 128 + signal.SIGTERM, job.log
    assert "\n2 nodes can run trials.\n" in job.log
    assert "error: interrupted; everything finished is kept in " in job.log
    assert "head node is lost" not in job.log
    assert job.asked == f"requeue {number}\n"
    before = status(job.folder)
    assert before["finished"] < 3
    assert job.run(number) == 0, job.log
    assert job.asked == f"requeue {number}\n"  # once
    assert "\nResuming: " in job.log
    assert re.search(r"\nended: .*the budget of 3 full trainings", job.log)
    after = status(job.folder)
    assert (after["running"], after["failed"]) == ([], 0)
    assert "Traceback" not in job.log


def test_a_job_that_is_cancelled_stays_so(job: Job, number: int) -> None:
    job.set_state("COMPLETING")
    code = job.run(number, until=lambda: "Joining the Ray cluster" in job.log, signals="script")
    assert code == 128 + signal.SIGTERM, job.log
    assert "to resume: xoresnet search small.yaml" in job.log
    assert job.asked == ""


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck (apt-get install shellcheck)")
def test_shellcheck() -> None:
    done = subprocess.run(["shellcheck", *EXAMPLES.glob("*.sh")], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_sbatch_reads_every_directive() -> None:
    """It stops at the first line that is neither empty nor a comment."""
    lines = (EXAMPLES / "slurm.sh").read_text().splitlines()
    first = next(place for place, line in enumerate(lines) if line and not line.startswith("#"))
    assert [line for line in lines[first:] if line.lstrip("# ").startswith("SBATCH")] == []
    words = {line.removeprefix("#SBATCH ") for line in lines[:first]}
    assert {"--requeue", "--signal=B:TERM@120", "--ntasks-per-node=1", "--open-mode=append", "--no-kill"} <= words


# Kubernetes

FIELDS = {
    "": {"apiVersion": str, "kind": str, "metadata": dict, "spec": dict},
    "spec": {
        "activeDeadlineSeconds": int,
        "backoffLimit": int,
        "entrypoint": str,
        "rayClusterSpec": dict,
        "runtimeEnvYAML": str,
        "shutdownAfterJobFinishes": bool,
        "submissionMode": str,
        "suspend": bool,
        "ttlSecondsAfterFinished": int,
    },
    "cluster": {
        "authOptions": dict,
        "autoscalerOptions": dict,
        "enableInTreeAutoscaling": bool,
        "headGroupSpec": dict,
        "rayVersion": str,
        "workerGroupSpecs": list,
    },
    "auth": {"mode": str, "secretName": str},
    "autoscaler": {"idleTimeoutSeconds": int, "resources": dict, "upscalingMode": str, "version": str},
    "head": {"rayStartParams": dict, "serviceType": str, "template": dict},
    "worker": {
        "groupName": str,
        "idleTimeoutSeconds": int,
        "maxReplicas": int,
        "minReplicas": int,
        "numOfHosts": int,
        "rayStartParams": dict,
        "replicas": int,
        "template": dict,
    },
}
"""Fields of the custom resource RayJob (ray.io/v1), from KubeRay's API reference."""


def check_fields(kind: str, fields: Mapping[str, Any]) -> None:
    assert set(fields) <= set(FIELDS[kind]), kind
    for name, value in fields.items():
        assert type(value) is FIELDS[kind][name], (kind, name, value)


@pytest.fixture
def rayjob() -> dict[str, Any]:
    return dict(read_yaml((EXAMPLES / "rayjob.yaml").read_text(), "rayjob.yaml"))


def test_rayjob_has_fields_that_kuberay_knows(rayjob: dict[str, Any]) -> None:
    check_fields("", rayjob)
    assert (rayjob["apiVersion"], rayjob["kind"]) == ("ray.io/v1", "RayJob")
    check_fields("spec", rayjob["spec"])
    cluster = rayjob["spec"]["rayClusterSpec"]
    check_fields("cluster", cluster)
    check_fields("auth", cluster["authOptions"])
    check_fields("autoscaler", cluster["autoscalerOptions"])
    check_fields("head", cluster["headGroupSpec"])
    for group in cluster["workerGroupSpecs"]:
        check_fields("worker", group)
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    parameters = [group["rayStartParams"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    assert all(type(value) is str for group in parameters for value in group.values())
    assert all(type(value) is str for value in rayjob["metadata"]["annotations"].values())


def pods(rayjob: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = rayjob["spec"]["rayClusterSpec"]
    templates = [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    return [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ray"}, **template} for template in templates]


def test_rayjob_has_pods_that_kubernetes_knows(rayjob: dict[str, Any]) -> None:
    version = kubernetes_validate.latest_version()
    for pod in pods(rayjob):
        kubernetes_validate.validate(pod, version, strict=True)
        (container,) = pod["spec"]["containers"]
        assert container["volumeMounts"] == [{"name": "shared-memory", "mountPath": "/dev/shm"}]
        assert pod["spec"]["volumes"][0]["emptyDir"]["medium"] == "Memory"
        assert container["envFrom"] == [{"secretRef": {"name": "object-storage"}}]
        del container["name"]
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(pod, version, strict=True)


def test_rayjob_waits_for_the_nodes_that_it_starts_with(rayjob: dict[str, Any]) -> None:
    words = rayjob["spec"]["entrypoint"].split()
    (group,) = rayjob["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert words[words.index("--wait-for-nodes") + 1] == str(group["minReplicas"])
    assert rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


# `ray up`


def test_aws_is_what_ray_up_accepts() -> None:
    def cluster() -> dict[str, Any]:
        return dict(prepare_config(read_yaml((EXAMPLES / "aws.yaml").read_text(), "aws.yaml")))

    config = cluster()
    validate_config(config)
    assert config["available_node_types"]["worker"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert config["available_node_types"]["head"]["max_workers"] == 0
    with pytest.raises(jsonschema.ValidationError):
        validate_config({**cluster(), "max_worker": 1})
    with pytest.raises(ValueError, match="smaller than the"):
        validate_config({**cluster(), "max_workers": 1})


# the images


@pytest.mark.parametrize("file", IMAGES, ids=["one machine", "cluster"])
def test_an_image_is_made_of_files_that_are_there_by_commands_that_a_page_shows(file: Path) -> None:
    text = file.read_text().replace("\\\n", " ")
    steps = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    assert {step[0] for step in steps} <= {"FROM", "WORKDIR", "COPY", "RUN", "ENTRYPOINT", "CMD"}
    for _, *words in (step for step in steps if step[0] == "COPY"):
        *sources, _target = [word for word in words if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources)
    (install,) = [" ".join(step[1:]) for step in steps if step[0] == "RUN"]
    pages = (ROOT / "README.md").read_text() + (ROOT / "docs/install.md").read_text()
    for command in install.replace(" --no-cache-dir", "").split(" && "):
        assert command in pages


def test_all_nodes_have_one_version_of_ray(rayjob: dict[str, Any]) -> None:
    texts = {path.name: path.read_text() for path in EXAMPLES.iterdir()}
    (base,) = re.findall(r"^FROM rayproject/ray:([\d.]+)-py3(1[1-9])-cpu$", texts["Dockerfile"], flags=re.MULTILINE)
    assert rayjob["spec"]["rayClusterSpec"]["rayVersion"] == base[0]
    assert f"ray[default]=={base[0]}'" in texts["aws.yaml"]


@pytest.mark.parametrize("file", IMAGES, ids=["one machine", "cluster"])
def test_docker_accepts_the_file(file: Path) -> None:
    if shutil.which("docker") is None:
        pytest.skip("needs Docker")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("needs Docker to be running")
    words = ["docker", "build", "--check", "--file", str(file), str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
