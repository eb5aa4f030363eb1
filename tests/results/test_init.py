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
        "from xoresnet.results.figures import FIGURES\n"
        "list(FIGURES)\n"
        "print(sorted({'matplotlib', 'sklearn', 'torch', 'optuna', 'ray', 'xoresnet.search'} & set(sys.modules)))\n"
    )
    assert printed(code) == "[]"


def test_names_are_what_they_say_whatever_was_imported_first() -> None:
    """A sub-package or file of the same name would take a function's place once something imports it."""
    code = (
        "import importlib, pkgutil, types\n"
        "import xoresnet.results as results\n"
        "for module in pkgutil.walk_packages(results.__path__, 'xoresnet.results.'):\n"
        "    importlib.import_module(module.name)\n"
        "print([name for name in results.__all__ if isinstance(getattr(results, name), types.ModuleType)])\n"
    )
    assert printed(code) == "[]"
