from __future__ import annotations

import json
import math

import pytest

from xoresnet.search.views.console import print_json


def test_numbers_that_json_has_no_word_for_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"nan": math.nan, "inner": [{"inf": math.inf, "rate": 0.5}, (-math.inf, 2)], "text": "NaN", "no": None})

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")

    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert found == {"nan": None, "inner": [{"inf": None, "rate": 0.5}, [None, 2]], "text": "NaN", "no": None}
