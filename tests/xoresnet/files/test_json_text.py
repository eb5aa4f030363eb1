from __future__ import annotations

import json
import math

from xoresnet.files.json_text import json_text


def test_numbers_that_json_cannot_express_are_null() -> None:
    values = {"nan": math.nan, "inner": [{"inf": math.inf, "rate": 0.5}, (-math.inf, 2)], "text": "NaN", "no": None}

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is not JSON")

    read = json.loads(json_text(values), parse_constant=refuse)
    assert read == {"nan": None, "inner": [{"inf": None, "rate": 0.5}, [None, 2]], "text": "NaN", "no": None}
