"""The structure of the code: which file may import which, how large files are, who draws and who exits.

Every rule is a function of the sources, a mapping from file to text, so that the tests can break it on purpose.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]

Sources = Mapping[str, str]
"""Source text by file, named as it is imported: `xoresnet/space/cells.py`."""

FACADES = ("xoresnet/__init__.py", *(f"xoresnet/{part}/__init__.py" for part in ("results", "search", "space")))
"""Packages that pass on the public names of their files. They are for users: no file here imports them."""

ROOMS = (
    ("limits",),
    ("plain_text",),
    ("errors", "lazy", "version"),
    ("files",),
    ("measures",),
    ("description",),
    ("energy",),
    ("neurons",),
    ("network",),
    ("data",),
    ("training",),
    ("shared",),
    ("standalone/data_facts",),
    ("standalone/config",),
    ("standalone/intake", "standalone/event_intake", "standalone/predictions"),
    ("standalone/module",),
    ("standalone/format", "standalone/tracing"),
    ("standalone/formats/nir",),
    ("standalone/formats",),
    ("standalone",),
    ("space",),
    ("results/fronts",),
    ("results/tables",),
    ("results/analysis",),
    ("models",),
    ("results/figures/kit",),
    ("results/figures",),
    ("results/page",),
    ("results/overview",),
    ("results/run",),
    ("search/interrupts", "search/objective", "search/addresses"),
    ("search/pruning",),
    ("search/samplers",),
    ("search/strategy",),
    ("search/registry", "search/loggers"),
    ("search/config",),
    ("search/folders",),
    ("search/study",),
    ("search/sources",),
    ("search/prepare",),
    ("search/execution",),
    ("search/simulation", "search/checkup"),
    ("search/prior",),
    ("search/retraining",),
    ("search/confirmation",),
    ("search/ablation",),
    ("search/run", "search/repair"),
    ("search/views",),
    ("search/commands",),
    ("search/cli",),
    ("__main__",),
)
"""Folders and files of `xoresnet/` from the bottom to the top. A file imports its own room and those in rows above its
row in this table; rooms in one row do not know each other."""

TORCH_FREE = tuple(
    f"xoresnet/{room}"
    for room in (
        "errors.py",
        "lazy.py",
        "limits.py",
        "plain_text.py",
        "version.py",
        "files/",
        "measures/",
        "description/",
        "space/",
        "results/",
    )
)
NOT_TORCH_FREE = ("xoresnet/space/__init__.py", "xoresnet/space/optuna_adapter.py")
"""The first passes on the names of the second, which imports Optuna."""
HEAVY = {"optuna", "ray", "torch", "torchvision", "triton"}
TERMINAL = ("xoresnet/search/cli.py", "xoresnet/search/commands/", "xoresnet/search/views/")
"""The only files that draw and that know how a program ends."""

MOST_FILES, MOST_LINES, MOST_FUNCTION_LINES = 20, 400, 80


@cache
def read_sources() -> Sources:
    sources: dict[str, str] = {}
    for package, folder in PYPROJECT["package-dir"].items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inside = path.relative_to(ROOT / folder)
            if (ROOT / folder / inside.parts[0]).is_symlink():
                continue  # xoresnet/search is a link to search/
            sources[f"{package.replace('.', '/')}/{inside.as_posix()}"] = path.read_text(encoding="utf-8")
    return sources


# what files import


def file_of(module: str, sources: Sources) -> str | None:
    """The file of a module or package, or None if there is none."""
    path = module.replace(".", "/")
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if file in sources), None)


@cache
def nodes_of(source: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(source)))


@cache
def import_nodes(source: str) -> tuple[ast.AST, ...]:
    return tuple(node for node in nodes_of(source) if isinstance(node, ast.Import | ast.ImportFrom))


def imported_modules(source: str, sources: Sources) -> Iterator[str]:
    """Every module that a file imports, anywhere: at the top, in functions and for type checking."""
    for node in import_nodes(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are banned by ruff"
            module = node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if file_of(inner, sources) else module


def imports_of(sources: Sources) -> dict[str, set[str]]:
    """For each file the files of this project that it imports."""
    return {
        file: {target for module in imported_modules(source, sources) if (target := file_of(module, sources))}
        for file, source in sources.items()
    }


def outside_imports(source: str, sources: Sources) -> set[str]:
    """The top-level names of other projects' packages that a file imports."""
    return {module.split(".")[0] for module in imported_modules(source, sources)} - {"xoresnet"}


# the rules: each returns one line per violation


def unresolved(sources: Sources) -> list[str]:
    """Imports of files that do not exist would hide arrows from the other rules."""
    return [
        f"{file}: {module}"
        for file, source in sources.items()
        for module in imported_modules(source, sources)
        if module.split(".")[0] == "xoresnet" and file_of(module, sources) is None
    ]


def circles(sources: Sources) -> list[str]:
    """Groups of files that import each other, directly or through others (Tarjan's strongly connected components)."""
    arrows = {file: sorted(imports) for file, imports in imports_of(sources).items() if file not in FACADES}
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(file: str) -> None:
        index[file] = lowest[file] = len(index)
        stack.append(file)
        for target in arrows.get(file, ()):
            if target not in index:
                visit(target)
            if target in stack:
                lowest[file] = min(lowest[file], lowest[target])
        if lowest[file] == index[file]:
            position = stack.index(file)
            groups.append(sorted(stack[position:]))
            del stack[position:]

    for file in arrows:
        if file not in index:
            visit(file)
    alone = [f"{file} imports itself" for file in arrows if file in arrows[file]]
    return alone + ["circle: " + ", ".join(group) for group in groups if len(group) > 1]


def room_of(file: str) -> tuple[int, str] | None:
    """The row and the name of the smallest room that holds a file."""
    path = file.removeprefix("xoresnet/").removesuffix(".py")
    rooms = [(row, room) for row, level in enumerate(ROOMS) for room in level if f"{path}/".startswith(f"{room}/")]
    return max(rooms, key=lambda room: len(room[1]), default=None)


def upward_imports(sources: Sources) -> list[str]:
    """Imports of a room that is not below; files without a room."""
    faults = []
    for file, imports in imports_of(sources).items():
        if file in FACADES:
            continue
        room = room_of(file)
        if room is None:
            faults.append(f"{file} is in no room")
            continue
        for target in sorted(imports - set(FACADES)):
            other = room_of(target)
            if other is not None and other != room and other[0] >= room[0]:
                faults.append(f"{file} imports {target}")
    return faults


def facade_imports(sources: Sources) -> list[str]:
    """Files that import a public name by way of its package instead of from its own file."""
    return [
        f"{file} imports {target}"
        for file, imports in imports_of(sources).items()
        for target in sorted(imports & set(FACADES))
    ]


def is_torch_free(file: str) -> bool:
    return file.startswith(TORCH_FREE) and file not in NOT_TORCH_FREE


def heavy_imports(sources: Sources) -> list[str]:
    """Torch-free files that import a heavy package, or a file that may import one."""
    arrows = imports_of(sources)
    faults = []
    for file in filter(is_torch_free, sources):
        faults += [f"{file} imports {name}" for name in sorted(outside_imports(sources[file], sources) & HEAVY)]
        faults += [f"{file} imports {target}" for target in sorted(arrows[file]) if not is_torch_free(target)]
    return faults


def crowded_folders(sources: Sources) -> list[str]:
    files: dict[str, int] = {}
    for file in sources:
        folder = str(PurePosixPath(file).parent)
        files[folder] = files.get(folder, 0) + 1
    return [f"{folder}: {number} files" for folder, number in files.items() if number > MOST_FILES]


def long_files(sources: Sources) -> list[str]:
    lengths = {file: len(source.splitlines()) for file, source in sources.items()}
    return [f"{file}: {length} lines" for file, length in lengths.items() if length > MOST_LINES]


def long_functions(sources: Sources) -> list[str]:
    faults = []
    for file, source in sources.items():
        for node in nodes_of(source):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    faults.append(f"{file}: {node.name} has {length} lines")
    return faults


@cache
def endings_of(source: str) -> list[tuple[int, str]]:
    faults = []
    for node in nodes_of(source):
        words = {getattr(node, part, None) for part in ("id", "attr", "arg", "name")}
        if words & {"exit_code", "SystemExit"}:
            faults.append((getattr(node, "lineno", 0), "knows how a program ends"))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.exit", "exit", "quit"):
            faults.append((node.lineno, f"calls {ast.unparse(node.func)}"))
    return faults


def terminal_use(sources: Sources) -> list[str]:
    """Drawing, exiting and exit codes outside the command line."""
    faults = []
    for file, source in sources.items():
        if file.startswith(TERMINAL):
            continue
        faults += [f"{file} imports {name}" for name in sorted(outside_imports(source, sources) & {"click", "rich"})]
        faults += [f"{file}:{line} {fault}" for line, fault in endings_of(source)]
    return faults


def raw_output(sources: Sources) -> list[str]:
    """Texts that reach a terminal without passing `visible`."""
    exempt = ("xoresnet/search/views/messages.py", "xoresnet/search/views/console.py", "xoresnet/search/cli.py")
    calls = [
        (file, node)
        for file, source in sources.items()
        if file not in exempt
        for node in nodes_of(source)
        if isinstance(node, ast.Call)
    ]
    raw = ("click.echo", "click.secho", "Console")
    return [f"{file}:{node.lineno} calls {name}" for file, node in calls if (name := ast.unparse(node.func)) in raw]


def packages_of(sources: Sources) -> list[str]:
    """Every folder with Python files, as setuptools must list it."""
    return sorted({str(PurePosixPath(file).parent).replace("/", ".") for file in sources})


def folders_without_init(sources: Sources) -> list[str]:
    return [package for package in packages_of(sources) if f"{package.replace('.', '/')}/__init__.py" not in sources]


Rule = Callable[[Sources], list[str]]
RULES: tuple[Rule, ...] = (
    unresolved, circles, upward_imports, facade_imports, heavy_imports, crowded_folders, long_files, long_functions,
    terminal_use, raw_output, folders_without_init,
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule: Rule) -> None:
    assert rule(read_sources()) == []


def test_packages_are_listed() -> None:
    assert PYPROJECT["packages"] == packages_of(read_sources())


def test_rooms_exist() -> None:
    """Names in the table that no file bears would check nothing."""
    used = {room[1] for file in read_sources() if file not in FACADES and (room := room_of(file))}
    assert used == {room for level in ROOMS for room in level}


def test_nothing_is_missed() -> None:
    sources = read_sources()
    assert set(FACADES) <= set(sources)
    assert len(sources) > 150
    assert "xoresnet/space/domain.py" in imports_of(sources)["xoresnet/space/space_fields.py"]


@pytest.mark.parametrize(
    ("rule", "file", "line"),
    [
        (unresolved, "xoresnet/space/domain.py", "from xoresnet.space.nowhere import value"),
        (circles, "xoresnet/space/domain.py", "from xoresnet.space.search_space import SearchSpace"),
        (circles, "xoresnet/space/domain.py", "def f() -> None:\n    from xoresnet.space import cells"),
        (circles, "xoresnet/space/domain.py", "if TYPE_CHECKING:\n    import xoresnet.space.cells"),
        (circles, "xoresnet/space/domain.py", "import xoresnet.space.domain"),
        (upward_imports, "xoresnet/errors.py", "from xoresnet.lazy import lazily"),
        (upward_imports, "xoresnet/space/domain.py", "from xoresnet.results.fronts.pareto import is_pareto"),
        (upward_imports, "xoresnet/files/atomic.py", "def f() -> None:\n    import xoresnet.search.cli"),
        (upward_imports, "xoresnet/search/study/journal.py", "from xoresnet.search.views import console"),
        (upward_imports, "xoresnet/new.py", ""),
        (facade_imports, "xoresnet/search/run.py", "from xoresnet import Arch"),
        (facade_imports, "xoresnet/search/run.py", "def f() -> None:\n    import xoresnet.space"),
        (heavy_imports, "xoresnet/results/fronts/pareto.py", "import torch"),
        (heavy_imports, "xoresnet/results/fronts/pareto.py", "def f() -> None:\n    from optuna.trial import Trial"),
        (heavy_imports, "xoresnet/measures/figures.py", "from xoresnet.network.xoresnet import XOResNet"),
        (long_files, "xoresnet/lazy.py", "\n" * 400),
        (long_functions, "xoresnet/lazy.py", "class A:\n    def f(self) -> None:\n" + "        pass\n" * 80),
        (terminal_use, "xoresnet/search/run.py", "print('finished')"),
        (raw_output, "xoresnet/search/commands/front.py", "click.echo(name)"),
        (raw_output, "xoresnet/search/views/front.py", "Console().print(name)"),
        (terminal_use, "xoresnet/search/run.py", "import sys\nsys.exit(1)"),
        (terminal_use, "xoresnet/search/run.py", "raise SystemExit(2)"),
        (terminal_use, "xoresnet/errors.py", "class NewError(Exception):\n    exit_code = 2"),
        (terminal_use, "xoresnet/data/load.py", "from rich.progress import Progress"),
        (terminal_use, "xoresnet/data/load.py", "import click\nclick.echo('loaded')"),
        (folders_without_init, "xoresnet/space/new/file.py", ""),
    ],
)
def test_rule_finds_what_breaks_it(rule: Rule, file: str, line: str) -> None:
    sources = read_sources()
    broken = {**sources, file: f"{sources.get(file, '')}\n{line}\n"}
    assert len(rule(broken)) > len(rule(sources))


def test_a_21st_file_is_too_many() -> None:
    folder = {f"xoresnet/space/file_{number}.py": "" for number in range(MOST_FILES)}
    assert not crowded_folders(folder)
    assert crowded_folders({**folder, "xoresnet/space/one_more.py": ""}) == ["xoresnet/space: 21 files"]


def test_a_new_package_must_be_listed() -> None:
    assert PYPROJECT["packages"] != packages_of({**read_sources(), "xoresnet/new/__init__.py": ""})


@pytest.mark.parametrize("module", ["xoresnet.results", "xoresnet.description.arch", "xoresnet.space.search_space"])
def test_imports_without_torch(module: str) -> None:
    """Once for real, with every public name of the package."""
    code = (
        f"import sys; from importlib import import_module; module = import_module({module!r}); "
        f"[getattr(module, name) for name in module.__all__]; print(*sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT.parent)
    assert done.stdout.split() == []
