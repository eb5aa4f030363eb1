"""What Ray writes of trials that end badly; the texts are those of Ray 2.60."""

from __future__ import annotations

import pytest

from xoresnet.search.execution.failures import (
    WORKER_DIED,
    is_out_of_gpu_memory,
    is_worker_death,
    names_lost_node,
    reason_of,
)

DIED = """The actor died unexpectedly before finishing this task.
\tclass_name: ImplicitFunc
\tactor_id: 62b0b32911b8b679a28b71f701000000
\tpid: 20233
\tnamespace: b8dad8b5-5ce9-4a84-984c-0b42f7f573d1
\tip: 192.0.2.2
"""
BY_ITSELF = DIED + "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR ..."
STOPPED = DIED + "The actor died because its node has died. Node Id: 99f1\n\tthe actor's node was terminated ..."
PREEMPTED = DIED + "The actor died because its node has died. Node Id: 1927\n\tthe actor's node was preempted: spot"
UNREACHABLE = (
    "The actor c52a is unavailable: The actor is temporarily unavailable: RpcError: RPC error: Socket closed "
    "rpc_code: 14. The task may or may not have been executed on the actor."
)
RAISED = """ray::ImplicitFunc.train() (pid=7, ip=192.0.2.2)
  File "mine.py", line 3, in train
RuntimeError: The actor died because its node has died, says a joker"""
NEVER_BEGAN = "The actor died because of an error raised in its creation task, ray::ImplicitFunc.__init__() ..."


@pytest.mark.parametrize(
    ("error", "is_death", "names_node"),
    [
        (BY_ITSELF, True, False),
        (STOPPED, True, True),
        (PREEMPTED, True, True),
        (UNREACHABLE, True, False),  # what is heard first where a machine loses power
        (RAISED, False, False),
        (NEVER_BEGAN, False, False),
        ("", False, False),
    ],
)
def test_who_died(error: str, is_death: bool, names_node: bool) -> None:
    earlier = f"Failure # 1 (occurred at 2026-11-30_06-20-18)\n{STOPPED}\n"
    text = f"{earlier}Failure # 2 (occurred at 2026-11-30_06-20-19)\n{error}\n" if error else ""
    assert (is_worker_death(text), names_lost_node(text)) == (is_death, names_node)


def test_a_reason_in_one_line() -> None:
    assert reason_of("") == WORKER_DIED
    assert reason_of(f"Failure # 1 (occurred at noon)\n{RAISED}\n").startswith("RuntimeError: The actor died")
    assert reason_of(f"Failure # 1 (occurred at noon)\n{BY_ITSELF}\n") == DIED.splitlines()[0]


def test_own_errors_are_sentences_without_their_class() -> None:
    own = RAISED.replace("RuntimeError: The", "xoresnet.errors.UsageError: the")
    assert reason_of(f"Failure # 1 (occurred at noon)\n{own}\n").startswith("the actor died because its node has")
    users = RAISED.replace("RuntimeError: The", "mine.xoresnet.errors.UsageError: the")
    assert reason_of(f"Failure # 1 (occurred at noon)\n{users}\n").startswith("mine.xoresnet.errors.UsageError: the")


@pytest.mark.parametrize(
    ("reason", "ran_out"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of", True),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory.", True),
        ("RuntimeError: CUDA error: out of memory", True),
        ("torch.OutOfMemoryError: HIP out of memory. Tried to allocate 20.00 MiB", True),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.", False),
        ("MemoryError: Unable to allocate 32.0 GiB for an array", False),
        ("ValueError: boom", False),
    ],
)
def test_gpu_memory(reason: str, ran_out: bool) -> None:
    assert is_out_of_gpu_memory(reason) == ran_out
