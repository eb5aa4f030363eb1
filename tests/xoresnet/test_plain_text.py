from __future__ import annotations

import pickle
import tracemalloc

import pytest

from xoresnet.errors import DataError, Fault, SpecError
from xoresnet.limits import MOST_ERROR_CHARACTERS, MOST_FAULTS, MOST_SHOWN_CHARACTERS
from xoresnet.plain_text import cut, shown, visible


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("depth 8 \N{LATIN SMALL LETTER E WITH ACUTE} \N{CJK UNIFIED IDEOGRAPH-4E2D}\tone\n", None),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b[2J\x1b[31mred", r"\x1b[2J\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),  # the eight-bit form of ESC [
        ("a\rb\bc\x7f", r"a\rb\x08c\x7f"),
        ("abc\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", r"abc\u202egnp.exe"),
        ("or\N{ZERO WIDTH SPACE}", r"or\u200b"),
        ("a\N{LINE SEPARATOR}b\x85c", r"a\u2028b\x85c"),
        ("\udcff.png", r"\udcff.png"),  # a file name that is not UTF-8
    ],
)
def test_visible(text: str, plain: str | None) -> None:
    assert visible(text) == (text if plain is None else plain)
    assert visible(visible(text)) == visible(text)


HUGE = [[["x" * 1000] * 1000] * 1000] * 1000  # its repr has 10^12 characters


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("or", "'or'"),
        ({"low": 1, "high": [2, None, True]}, "{'low': 1, 'high': [2, None, True]}"),
        ((1, 8, 8), "(1, 8, 8)"),
        ({8, 1, 9}, repr({8, 1, 9})),
        (set(), "set()"),
        (10**12, "1000000000000"),
        (10**5000, "a number of about 5,000 digits"),
        (-(16**5000), "-a number of about 6,020 digits"),
        (float("nan"), "nan"),
        ("\x1b[31m", r"'\x1b[31m'"),
    ],
    ids=lambda _: "",  # pytest would write the numbers
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize("value", [HUGE, {"a": HUGE}, {1: {2: {3: {4: {5: 6}}}}}, "x" * 10**7, list(range(10**6))])
def test_shown_is_short_and_takes_no_memory(value: object) -> None:
    tracemalloc.start()
    text = shown(value)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(text) <= MOST_SHOWN_CHARACTERS
    assert most < 2**20


def test_values_that_contain_themselves() -> None:
    value: list[object] = []
    value.append(value)
    assert len(shown(value)) <= MOST_SHOWN_CHARACTERS


def test_messages_are_cut_and_visible() -> None:
    error = DataError("\x1b]0;title\x07" + "x" * 10**6)
    assert str(error).startswith(r"\x1b]0;title\x07xxx")
    assert len(str(error)) <= MOST_ERROR_CHARACTERS
    assert "characters) ... xxx" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_of_many_faults_some_are_shown() -> None:
    error = SpecError(Fault(f"field{i}", "\x1b[31m") for i in range(1000))
    assert len(error.faults) == 1000
    assert error.sentences[0] == r"field0: \x1b[31m"
    assert error.sentences[-1] == f"and {1000 - MOST_FAULTS} more faults like these"
    assert len(error.sentences) == MOST_FAULTS + 1
    assert pickle.loads(pickle.dumps(error)).faults == error.faults


def test_short_texts_are_not_cut() -> None:
    assert cut("x" * 40, 40) == "x" * 40
