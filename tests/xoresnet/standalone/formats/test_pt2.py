from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.xoresnet.standalone.formats.contract import FormatContract
from xoresnet.standalone.format import Format


class TestPt2(FormatContract):
    name = "pt2"

    def test_images_of_another_type_are_refused(self, form: Format, folder: Path) -> None:
        with pytest.raises(RuntimeError, match="dtype mismatch! Expected: Float, Got: unsigned char"):
            form.run(folder / form.file, torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
