"""The CUDA kernels where there is no GPU: their numbers in Triton's interpreter, their code through its compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", "3.9", reason="comes with torch's CUDA builds on Linux; older ones have other tools")

SAME_NUMBERS = """
import itertools, sys, torch
from xoresnet.neurons import fire_torch, fire_triton
from xoresnet.neurons.dynamics import Dynamics
from xoresnet.description.neuron_spec import Surrogate
torch.manual_seed(0)
fired = 0
for (dtype, threshold), tau, reset, kind, detach in itertools.product(
    ((torch.float32, 1.0), (torch.float16, 0.9)), (None, 2.0, 1.7, "learned"),
    ("hard", "soft"), ("atan", "sigmoid", "rectangle", "triangle"), (True, False),
):
    x, grad = ((torch.randn(4, 3, 500) * 2).to(dtype) for _ in range(2))
    leak = torch.tensor(0.37, dtype=dtype) if tau == "learned" else None
    surrogate = Surrogate(kind=kind, alpha=1.5)
    dynamics = Dynamics(None if tau == "learned" else tau, threshold, reset, surrogate, detach).rounded(dtype)
    spikes, membrane = fire_torch.forward(x, leak, dynamics, keep=True)
    fused, kept = fire_triton.forward(x, leak, dynamics, keep=True)
    assert torch.equal(spikes, fused) and torch.equal(membrane, kept), (dtype, tau, reset, kind, detach)
    fired += int(fused.sum())
    close = {"rtol": 1e-5, "atol": 2e-6} if dtype is torch.float32 else {"rtol": 2e-2, "atol": 4e-3}
    one = fire_torch.backward(grad, membrane, leak, dynamics, learn=leak is not None)
    other = fire_triton.backward(grad, kept, leak, dynamics, learn=leak is not None)
    torch.testing.assert_close(one[0], other[0], **close)
    if leak is not None:
        close = close if dtype is torch.float32 else {"rtol": 0.05, "atol": 0.3}
        torch.testing.assert_close(one[1], other[1], **close)
assert fired > 10000
x = (torch.randn(5, 6) * 2).expand(4, 5, 6)  # one step repeated in memory
dynamics = Dynamics(2.0, 1.0, "hard", Surrogate(), True)
fused, plain = (run(x, None, dynamics, keep=False)[0] for run in (fire_triton.forward, fire_torch.forward))
assert torch.equal(fused, plain) and fused.sum() > 0
"""

COMPILE = """
import itertools, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from xoresnet.neurons import fire_triton

SCALARS = {"steps": "i32", "elements": "i32", "x_stride": "i32", "grad_stride": "i32"}
SCALARS |= dict.fromkeys(["tau", "threshold", "alpha", "k_constant"], "fp32") | {"parts_ptr": "*fp32"}

def compile(kernel, dtype, capability, **constants):
    names = {name: SCALARS.get(name, f"*{dtype}") for name in kernel.arg_names} | dict.fromkeys(constants, "constexpr")
    source = ASTSource(fn=kernel, signature=names, constexprs=constants)
    target = GPUTarget("cuda", capability, 32)
    return triton.compile(source, target=target, options={"enable_fp_fusion": False}).asm

for (capability, dtype), mode in itertools.product(((80, "fp32"), (90, "bf16"), (75, "fp16")), range(4)):
    hard = mode % 2 == 0
    forward = compile(fire_triton.forward_kernel, dtype, capability, MODE=mode, HARD=hard, KEEP=hard, BLOCK=1024)
    assert "fma" not in forward["ptx"]  # a fused product and sum would round once where the CPU rounds twice
    assert forward["cubin"]
    for detach in (True, False):
        backward = compile(
            fire_triton.backward_kernel, dtype, capability,
            MODE=mode, HARD=hard, DETACH=detach, LEARN=mode == 3, KIND=mode, BLOCK=1024,
        )
        assert backward["cubin"]
"""


def run(code: str, **environment: str) -> None:
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_same_numbers_as_on_the_cpu() -> None:
    """The interpreter runs the kernels' own code on the CPU; it must be switched on before the import.

    bfloat16 is left out: the interpreter truncates where hardware rounds to nearest.
    """
    run(SAME_NUMBERS, TRITON_INTERPRET="1")


def test_compiles_for_gpus_without_fused_products(tmp_path: Path) -> None:
    run(COMPILE, TRITON_CACHE_DIR=str(tmp_path))
