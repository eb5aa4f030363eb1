"""What `import xoresnet.results` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import xoresnet.results


def printed(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_public_names() -> None:
    for name in xoresnet.results.__all__:
        assert getattr(xoresnet.results, name) is not None
    assert set(xoresnet.results.__all__) <= set(dir(xoresnet.results))
    with pytest.raises(AttributeError, match=r"module 'xoresnet.results' has no attribute 'kneee'"):
        _ = xoresnet.results.kneee


def test_import_is_lazy() -> None:
    heavy = "{'pandas', 'numpy', 'moocore', 'sklearn', 'torch', 'optuna', 'ray', 'plotly'}"
    assert printed(f"import sys, xoresnet.results; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_functions_over_frames_need_neither_torch_nor_the_search() -> None:
    code = (
        "import sys\n"
        "from xoresnet.results import *\n"
        "print(sorted({'moocore', 'sklearn', 'torch', 'optuna', 'ray'} & set(sys.modules)))\n"
    )
    assert printed(code) == "[]"


def test_names_are_functions_whatever_was_imported_first() -> None:
    """A file of the same name would take a function's place once something imports it."""
    code = (
        "import importlib, xoresnet.results as results\n"
        "for home in results._HOMES.values(): importlib.import_module('xoresnet.results.' + home)\n"
        "for name, home in results._HOMES.items():\n"
        "    value = getattr(importlib.import_module('xoresnet.results.' + home), name, None)\n"
        "    import sys; value = vars(sys.modules['xoresnet.results.' + home])[name]\n"
        "    assert getattr(results, name) is value, name\n"
        "print('done')\n"
    )
    assert printed(code) == "done"
