"""How Sphinx builds the site: `sphinx-build -W docs site`. Every page is read on GitHub, too, as it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

import xoresnet
import xoresnet.results
import xoresnet.search
import xoresnet.space

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "xoresnet"
author = "The xoresnet developers"
copyright = author  # noqa: A001
release = version = xoresnet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
myst_heading_anchors = 4  # as GitHub makes them
highlight_language = "text"
suppress_warnings = ["myst.header"]  # a changelog may begin at the second level
default_role = "code"  # docstrings write `names` as Markdown does
autodoc_preserve_defaults = True  # others have no short form
autodoc_member_order = "groupwise"
autodoc_inherit_docstrings = False  # those of other libraries are written for other builders
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = "xoresnet"
html_static_path = ["static"]
html_css_files = ["site.css"]

_ELSEWHERE = {
    re.compile(r"\]\((?:\.\./)+CONTRIBUTING\.md"): "](/contributing.md",
    re.compile(r"\[([^]]*)\]\((?:\.\./)+(?:examples/cluster|benchmarks/data/README\.md)\)"): r"\1",
}
"""Links of pages to what lies outside of this folder: as they are here."""


def _link(app: Sphinx, name: str, source: list[str]) -> None:
    for pattern, here in _ELSEWHERE.items():
        source[0] = pattern.sub(here, source[0])


_FIELDS = {
    name
    for package in (xoresnet, xoresnet.results, xoresnet.search, xoresnet.space)
    for public in package.__all__
    if isinstance(model := getattr(package, public), type) and issubclass(model, BaseModel)
    for name in model.model_fields
}


def _skip(app: Sphinx, kind: str, name: str, member: object, skip: bool, options: Any) -> bool | None:
    """What pydantic adds to each of its classes, and fields, which the documentation of the class lists."""
    return True if name.startswith("model_") or (kind == "class" and name in _FIELDS) else None


def _fields(app: Sphinx, kind: str, name: str, member: object, options: Any, lines: list[str]) -> None:
    """The fields that a pydantic class lists in its documentation: a directive for each."""
    if not (isinstance(member, type) and issubclass(member, BaseModel)) or "Fields:" not in lines:
        return
    place = lines.index("Fields:")
    described, lines[place:] = lines[place + 1 :], [""]
    for line in described:
        if match := re.match(r"(\w+): (.*?)(?: = (.*))?$", line):
            lines += ["", f".. py:attribute:: {match[1]}", f"   :type: {match[2]}", "   :no-index:"]
            lines += [f"   :value: {match[3]}", ""] if match[3] else [""]
        else:
            lines.append(line)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _link)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-docstring", _fields)
