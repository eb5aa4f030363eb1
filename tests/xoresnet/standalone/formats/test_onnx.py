from __future__ import annotations

from tests.xoresnet.standalone.formats.contract import FormatContract


class TestOnnx(FormatContract):
    name = "onnx"
    bytes_per_step = 1000
