"""Training one network into its folder: the work of `xoresnet train` once its arguments are understood."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from xoresnet.data.load import DataSet
from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count, summary
from xoresnet.description.recipe import Recipe
from xoresnet.errors import TrainingError, UsageError
from xoresnet.files.disk import is_full
from xoresnet.measures.figures import Energy
from xoresnet.measures.metrics import duration, percent
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.folders.train import TrainFolder
from xoresnet.search.interrupts import signal_of
from xoresnet.search.views.console import print_json
from xoresnet.search.views.data_notes import data_notes
from xoresnet.search.views.messages import print_error, print_note, say
from xoresnet.search.views.train import TrainingView
from xoresnet.search.views.words import counted
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.folder import write_config
from xoresnet.training.fit import Training, estimate_epoch_seconds
from xoresnet.training.learning import check_recipe
from xoresnet.training.memory import hold_freed_memory
from xoresnet.training.threads import suitable_threads

__all__ = ["Job", "checked_device", "run_job", "show_plan"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True)
class Job:
    """A network, its data set and recipe, and the folder of the run."""

    arch: Arch
    data: DataSet
    data_spec: DataSpec
    recipe: Recipe
    folder: TrainFolder
    device: str | None
    threads: int | None
    """CPU threads; None for as many as suit the network."""
    command: str
    """The command line that resumes the training."""


def checked_device(name: str | None) -> str | None:
    """The name of a device on which a network can be trained. Raises `UsageError` for others; None stays None."""
    if name is None:
        return None
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name}: not a device; write for example cpu, cuda or cuda:1") from None
    if device.type not in _DEVICES:
        raise UsageError(f"--device {name}: networks are trained on {', '.join(_DEVICES)} only")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter if torch was built without CUDA
        raise UsageError(f"--device {name}: {str(error).splitlines()[0].split('. ')[0]}") from None
    return name


def run_job(job: Job, *, test: bool, as_json: bool) -> int:
    """Train, or resume the training; returns the exit code."""
    check_recipe(job.recipe, job.data)  # before anything is printed or written
    job.folder.check(job.arch, job.data_spec, job.recipe)
    _prepare_process(job)
    _note_data(job)
    if not as_json:
        say(_headline(job))
    with job.folder.opened(job.arch, job.data_spec, job.recipe):
        view = TrainingView(job.recipe.epochs, rows=not as_json)
        try:
            with _memory_errors():
                training = _train(job, view)
                figures = _finish(job, training, test=test)
        except KeyboardInterrupt as interrupt:
            _say_how_to_resume(job, "interrupted", test=test)
            return 128 + signal_of(interrupt)
        except OSError as error:
            if not is_full(error):
                raise
            needed = [{"arch": job.arch.to_json()}]
            _say_how_to_resume(job, DiskSpace(job.folder.path).sentence(needed, error), test=test)
            return 1
    if as_json:
        print_json(figures)
    else:
        _show_summary(job, figures)
    return 0


def show_plan(job: Job, *, as_json: bool) -> None:
    """Print what would be trained, and how long it would take."""
    job.folder.check(job.arch, job.data_spec, job.recipe)
    _prepare_process(job)
    _note_data(job)
    with _memory_errors():
        seconds = estimate_epoch_seconds(job.arch, job.data, job.recipe, device=job.device)
    if as_json:
        parts = {"arch": job.arch, "data": job.data_spec, "recipe": job.recipe}
        plan = {name: part.model_dump(mode="json") for name, part in parts.items()}
        identity = {"run": str(job.folder.path), "arch_id": job.arch.arch_id, "params_count": params_count(job.arch)}
        print_json({**identity, **plan, "estimated_epoch_seconds": seconds})
        return
    say(summary(job.arch))
    say(f"\n{_headline(job)}")
    say("recipe: " + ", ".join(f"{name} {value}" for name, value in job.recipe if value is not None))
    epochs = job.recipe.epochs
    say(f"about {duration(seconds)} per epoch, {duration(seconds * epochs)} for {counted(epochs, 'epoch')}")
    say(f"Nothing was trained or written; the run would be written to {job.folder.path}")


def _say_how_to_resume(job: Job, why: str, *, test: bool) -> None:
    kept = f"{job.folder.epochs_kept()} of {job.recipe.epochs} epochs are kept in {job.folder.path}"
    print_error(f"{why}; {kept}; to resume: {job.command}{' --test' if test else ''}")


def _note_data(job: Job) -> None:
    for note in data_notes(job.data, job.data_spec):
        print_note(note)


def _prepare_process(job: Job) -> None:
    hold_freed_memory()
    torch.set_num_threads(job.threads or suitable_threads(job.arch, job.recipe, torch.get_num_threads()))


def _train(job: Job, view: TrainingView) -> Training:
    training = Training(
        job.arch,
        job.data,
        job.recipe,
        device=job.device,
        checkpoint=job.folder.checkpoint,
        on_step=view.step_done,
    )
    if training.notice:
        say(f"note: {training.notice}", err=True)
    with view:
        view.begin(training.records)
        for record in training:
            job.folder.write_history(job.arch, job.recipe.seed, training.records)
            view.epoch_done(record)
    return training


def _finish(job: Job, training: Training, *, test: bool) -> dict[str, Any]:
    """Write weights and summary once all epochs are done, and measure the test set if asked; returns the summary."""
    job.folder.write_history(job.arch, job.recipe.seed, training.records)
    job.folder.write_weights(training.net.state_dict())
    write_config(job.folder.path, ModelConfig.of(training))
    figures = _summary(job, training)
    job.folder.write_summary(figures)
    if test and figures["test"] is None:
        images = job.data.test.open(by="train --test")
        figures["test"] = {"images": len(images), **training.evaluate(images).as_dict()}
    job.folder.write_summary(figures)
    return figures


def _summary(job: Job, training: Training) -> dict[str, Any]:
    records = training.records
    last, best = records[-1].as_dict(), max(records, key=lambda record: record.val_accuracy)
    seconds = sum(record.train_seconds + record.evaluation_seconds for record in records)
    return {
        "run": str(job.folder.path),
        "arch_id": job.arch.arch_id,
        "data": job.data.name,
        "data_fingerprint": job.data.fingerprint,
        "seed": job.recipe.seed,
        "precision": training.precision,
        "device": str(training.device),
        "threads": torch.get_num_threads(),
        "params_count": params_count(job.arch),
        "epochs_trained": last.pop("epoch"),
        **last,
        "train_seconds": sum(record.train_seconds for record in records),
        "evaluation_seconds": seconds - sum(record.train_seconds for record in records),
        "best_epoch": best.epoch,
        "best_val_accuracy": best.val_accuracy,
        "test": job.folder.test_figures(),
    }


def _headline(job: Job) -> str:
    data, arch = job.data, job.arch
    shape = "x".join(map(str, arch.input_shape))
    shape = shape if data.frames is None else f"{arch.timesteps} frames of {shape}"
    return (
        f"network {arch.arch_id}: depth {arch.depth}, width {arch.width}, T={arch.timesteps}, "
        f"{params_count(arch):,} parameters\n"
        f"data {data.name}: {len(data.train):,} training and {len(data.validation):,} validation "
        f"{data.noun} of {shape}, {data.num_classes} classes"
    )


def _show_summary(job: Job, figures: dict[str, Any]) -> None:
    say(
        f"validation accuracy {percent(figures['val_accuracy'])} after {counted(figures['epochs_trained'], 'epoch')} "
        f"(best {percent(figures['best_val_accuracy'])}, epoch {figures['best_epoch']})"
    )
    cost = Energy()
    say(
        f"per image: {figures['spikes_per_sample']:,.1f} spikes, {figures['synops_per_sample']:,.0f} synaptic "
        f"operations, {figures['energy_pj_per_sample'] / 1000:,.1f} nJ "
        f"({cost.mac_pj} pJ per multiply-add, {cost.ac_pj} pJ per synaptic operation)"
    )
    test = figures["test"]
    if test is None:
        say(f"The test set was not used; to measure the final network on it: {job.command} --test")
    else:
        say(f"test accuracy {percent(test['accuracy'])} on {test['images']:,} {job.data.noun}")
    say(f"Weights, history and summary are in {job.folder.path}")


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turn torch's errors for lack of memory into a `TrainingError`."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(str(error).split(". ")[0]) from None
    except RuntimeError as error:
        if "allocate memory" not in str(error):  # torch has no class of its own for a CPU out of memory
            raise
        text = str(error).partition("DefaultCPUAllocator: ")[2].split(". ")[0]
        raise _out_of_memory(text or "can't allocate memory") from None


def _out_of_memory(reason: str) -> TrainingError:
    return TrainingError(f"{reason}; reduce batch_size, width or timesteps")
