from __future__ import annotations

import json
import math

import pytest

from xoresnet.search.views.console import print_json


def test_json_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"rate": math.nan})
    assert json.loads(capsys.readouterr().out) == {"rate": None}
