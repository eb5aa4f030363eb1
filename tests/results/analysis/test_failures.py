"""Kinds of failures: which reasons count together."""

from __future__ import annotations

import pytest

from xoresnet.results.analysis.failures import by_kind, kind_of

CUDA = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {} MiB. GPU 0 has a total capacity of 139.72 GiB"
RAY = "ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory."


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        # what has a name
        (CUDA.format("20.00"), "it ran out of GPU memory"),
        ("RuntimeError: CUDA error: out of memory", "it ran out of GPU memory"),
        ("RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "it ran out of GPU memory"),
        (RAY, "it ran out of memory"),
        ("MemoryError", "it ran out of memory"),
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory: 9 bytes", "it ran out of memory"),
        ("its worker died", "its worker died"),
        ("The actor died unexpectedly before finishing this task.", "its worker died"),
        ("The actor is dead because its node has died. Node Id: 3f9c2a1b", "its node was lost"),
        ("depth 8 T=1 diverged in epoch 3 of 12, at learning_rate=1e+06: the loss became nan", "its training diverged"),
        # numbers
        ("it took longer than 600 s", "it took longer than … s"),
        ("val_accuracy is nan at epoch 2", "val_accuracy is … at epoch …"),
        ("val_accuracy is -inf at epoch 12", "val_accuracy is … at epoch …"),
        ("loss 1.5e-07, 12,345 spikes, version 2.14.0", "loss …, … spikes, version …"),
        ("ValueError: weight[3] = -0.5", "ValueError: weight[…] = …"),
        # ids, paths, what is quoted
        ("node 3f9c2a1b0d is gone", "node … is gone"),
        ("no object at 0x7f3a", "no object at …"),
        ("trial 35bce7ea-895e-4597-864b-91789309a3b2 is unknown", "trial … is unknown"),
        ("its weights have not arrived in /data/runs/a/trials/0007-3f9c: x", "its weights have not arrived in …: x"),
        ("it reported epoch='three', which must be whole", "it reported epoch=…, which must be whole"),
        ("ConnectionError: https://files.lab/data.tar?x=1 is closed", "ConnectionError: … is closed"),
        # words stay, also those that look like hexadecimal digits or contain a digit
        ("RuntimeError: a dead face added feed", "RuntimeError: a dead face added feed"),
        ("conv2d has no float16 kernel", "conv2d has no float16 kernel"),
        ("AttributeError: info and/or nano", "AttributeError: info and/or nano"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_kind_of_a_reason(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind
    assert kind_of(kind) == kind


def test_kinds_are_counted_the_most_frequent_first() -> None:
    reasons = ["its worker died", "it took longer than 5 s", "boom 7", "it took longer than 60 s", "boom 7", "boom 7"]
    assert [*by_kind(reasons).items()] == [("boom 7", 3), ("it took longer than … s", 2), ("its worker died", 1)]
    assert by_kind([]) == {}


def test_a_known_kind_has_its_name_even_once() -> None:
    assert by_kind([RAY]) == {"it ran out of memory": 1}
    assert by_kind([CUDA.format("20.00"), CUDA.format("7.50"), RAY]) == {
        "it ran out of GPU memory": 2,
        "it ran out of memory": 1,
    }
