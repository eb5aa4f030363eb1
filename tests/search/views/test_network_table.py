"""Tables of networks on terminals of every width: nothing that identifies a network is cut or left out."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from xoresnet.search.views.network_table import NetworkTable

METRICS = ["val_accuracy", "spikes_per_sample", "params_count"]
ROWS = [
    ["7", "3f9c2a1b0d", "91.29 %", "123.5 k", "1,234,567", "depth 14 width 16 T=4 or/oa/add xor middle (sew-resnet14)"],
    ["12345", "a0b1c2d3e4", "9.01 %", "12.5", "99", "bottleneck depth 11 width 8 T=2 [red]oa"],
]
MORE = [*METRICS, "energy_pj_per_sample", "synops_per_sample", "macs_per_sample"]


def lines(width: int, rows: list[list[str]] = ROWS, metrics: list[str] = METRICS) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(NetworkTable("front: 2 networks", ["trial", "arch_id", *metrics, "network"], rows, metrics))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [*range(24, 130), 200])
def test_nothing_is_cut_at_any_width(width: int) -> None:
    shown = lines(width)
    assert max(map(len, shown)) <= width
    text = "\n".join(shown)
    assert "…" not in text
    for row in ROWS:
        for cell in row[:-1]:
            assert re.search(rf"(?<!\S){re.escape(cell)}(?!\S)", text), cell
        for word in row[-1].split():
            assert word in text
    assert text.split()[:3] == ["front:", "2", "networks"]


def test_80_columns() -> None:
    """The width of most terminals."""
    blank = " " * 66
    assert lines(80) == [
        "front: 2 networks",
        "trial  arch_id     val_accuracy  spikes_per_sample  params_count  network",
        "7      3f9c2a1b0d       91.29 %            123.5 k     1,234,567  depth 14 width",
        f"{blank}16 T=4",
        f"{blank}or/oa/add xor",
        f"{blank}middle",
        f"{blank}(sew-resnet14)",
        "12345  a0b1c2d3e4        9.01 %               12.5            99  bottleneck",
        f"{blank}depth 11 width",
        f"{blank}8 T=2 [red]oa",
    ]


def test_more_metrics_than_80_columns_hold_have_short_names() -> None:
    rows = [[*row[:-1], "1.2 k", "3.4 k", "5.6 M", row[-1]] for row in ROWS]
    shown = lines(100, rows, MORE)
    assert shown[1].split() == [
        "trial", "arch_id", "accuracy", "spikes", "parameters", "energy", "(pJ)", "synops", "MACs", "network"
    ]  # fmt: skip
    assert shown[2].split()[:8] == ["7", "3f9c2a1b0d", "91.29", "%", "123.5", "k", "1,234,567", "1.2"]


def test_the_narrowest_terminal_has_a_paragraph_for_each() -> None:
    shown = lines(30)
    assert shown[:3] == ["front: 2 networks", "trial 7", "arch_id 3f9c2a1b0d"]
    assert shown[3:6] == ["accuracy 91.29 %", "spikes 123.5 k", "parameters 1,234,567"]


def test_no_rows() -> None:
    assert lines(80, [])[0] == "front: 2 networks"
