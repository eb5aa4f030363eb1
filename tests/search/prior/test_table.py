from __future__ import annotations

from pathlib import Path

import pytest

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.measures.records import MEASURED
from xoresnet.results.tables.columns import PREDICTED
from xoresnet.search.prior.table import (
    PREDICTED_FILE,
    SECONDS,
    PredictedTableError,
    predicted_row,
    read_predicted,
    write_predicted,
)

ARCHS = [Arch.baseline(name, input_shape=(1, 8, 8), num_classes=10) for name in ("sew-resnet8", "xoresnet8")]


def answer(value: float) -> dict[str, float]:
    return {**{name: value + place for place, name in enumerate(MEASURED)}, SECONDS: 0.5}


def test_a_row_is_the_mean_of_what_each_set_of_weights_said() -> None:
    row = predicted_row(ARCHS[0], [answer(1.0), answer(2.0), answer(6.0)])
    assert [row[f"predicted_{name}"] for name in MEASURED] == [3.0 + place for place in range(len(MEASURED))]
    assert (row["weights_seeds"], row["prediction_seconds"]) == (3, 1.5)
    assert Arch.from_json(row["arch"]) == ARCHS[0]
    assert (row["arch_id"], row["params_count"]) == (ARCHS[0].arch_id, params_count(ARCHS[0]))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_predicted(tmp_path, [predicted_row(arch, [answer(number)]) for number, arch in enumerate(ARCHS)])
    table = read_predicted(tmp_path)
    assert set(PREDICTED) <= set(table.columns)
    assert list(table["arch_id"]) == [arch.arch_id for arch in ARCHS]
    assert list(table[f"predicted_{MEASURED[0]}"]) == [0.0, 1.0]


@pytest.mark.parametrize("keep", [None, 0, 4, 500, -1])
def test_what_is_not_whole_is_one_sentence(keep: int | None, tmp_path: Path) -> None:
    write_predicted(tmp_path, [predicted_row(arch, [answer(1.0)]) for arch in ARCHS])
    file = tmp_path / PREDICTED_FILE
    if keep is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(PredictedTableError, match=r"predicted\.parquet cannot be read: [^\n]+$"):
        read_predicted(tmp_path)
