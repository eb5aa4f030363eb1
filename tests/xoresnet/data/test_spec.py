from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.xoresnet.data.datasets.pictures import write_classes
from tests.xoresnet.data.datasets.test_fashion_mnist import idx, write_fashion
from xoresnet.data.load import load_data
from xoresnet.data.spec import DataSpec
from xoresnet.errors import DataError, SpecError


def test_it_loads_what_load_data_loads() -> None:
    assert DataSpec().load().fingerprint == load_data("digits").fingerprint
    spec = DataSpec(name="digits", validation_seed=3, validation_share=0.4)
    assert spec.load().fingerprint == load_data("digits", validation_seed=3, validation_share=0.4).fingerprint
    assert len({spec.load().fingerprint, spec.replace(validation_seed=4).load().fingerprint}) == 2


def test_options_of_class_folders(tmp_path: Path) -> None:
    write_classes(tmp_path, per_class=4)
    calls: list[tuple[int, int]] = []
    spec = DataSpec(name="folder", root=str(tmp_path), image_size=(4, 5), channels=1)
    data = spec.load(progress=lambda done, total: calls.append((done, total)))
    assert data.input_shape == (1, 4, 5)
    assert calls[-1] == (9, 9)  # 3 of 12 are the test set


def test_checksums_unless_told_otherwise(tmp_path: Path) -> None:
    write_fashion(tmp_path, zipped=False)
    for name, array in (("images-idx3", np.zeros((10_000, 28, 28))), ("labels-idx1", np.arange(10_000) % 10)):
        (tmp_path / f"t10k-{name}-ubyte").write_bytes(idx(array))
    spec = DataSpec(name="fashion-mnist", root=str(tmp_path))
    with pytest.raises(DataError, match="wrong checksum"):
        spec.load().test.open(by="confirm")
    assert len(spec.replace(verify=False).load().test.open(by="confirm")) == 10_000


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nam": "digits"}, "nam: unknown field; did you mean 'name'?"),
        ({"name": 3}, "name: must be a string, got 3"),
        ({"root": Path("data")}, f"root: must be a string, got {Path('data')!r}"),
        ({"validation_seed": -1}, "validation_seed: must be at least 0, got -1"),
        ({"validation_seed": True}, "validation_seed: must be a whole number, got True"),
        ({"validation_share": 0.0}, "validation_share: must be greater than 0, got 0.0"),
        ({"validation_share": 1}, "validation_share: must be less than 1, got 1"),
        ({"image_size": 8}, "image_size: must be a list, got 8"),
        ({"image_size": (8, 0)}, "image_size.1: must be at least 1, got 0"),
        ({"channels": 2}, "channels: 2 is not one of 1, 3"),
        ({"verify": "no"}, "verify: must be true or false, got 'no'"),
    ],
)
def test_each_mistake_has_its_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        DataSpec(**fields)
    assert str(caught.value) == message


def test_written_down_and_read_again() -> None:
    spec = DataSpec(name="folder", root="photos", validation_share=0.2, image_size=(8, 10), channels=3, verify=False)
    assert DataSpec.from_dict(spec.model_dump(mode="json")) == spec
    assert DataSpec.from_dict({}) == DataSpec()


def test_describing_data_needs_no_torch() -> None:
    code = "import sys, xoresnet.data.spec as d; d.DataSpec(); assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
