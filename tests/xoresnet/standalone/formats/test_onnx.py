from __future__ import annotations

from pathlib import Path

import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from tests.xoresnet.standalone.formats.contract import FormatContract
from xoresnet.standalone.format import Format


class TestOnnx(FormatContract):
    name = "onnx"
    bytes_per_step = 1000

    def test_images_of_another_type_are_refused(self, form: Format, folder: Path) -> None:
        with pytest.raises(InvalidArgument, match=r"Unexpected input data type"):
            form.run(folder / form.file, torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
