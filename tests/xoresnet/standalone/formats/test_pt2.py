from __future__ import annotations

from tests.xoresnet.standalone.formats.contract import FormatContract


class TestPt2(FormatContract):
    name = "pt2"
