from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.search.command_line import xoresnet
from xoresnet.description.arch import Arch
from xoresnet.description.hardware import hardware_layers, hardware_usage
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.description.merge import MERGES
from xoresnet.errors import UntrustedCodeError
from xoresnet.search.views.words import describe_usage
from xoresnet.space import SearchSpace, preset_names

SIZES = {
    "cifar": 2_592_000,
    "digits": 400,
    "dvs128-gesture": 640,
    "fashion-mnist": 25_658,
    "fashion-mnist-small": 310,
    "mini-imagenet": 119_870_496,
    "n-mnist": 1_160,
}

MINE = """
arch:
  input_shape: [1, 6, 5]
  num_classes: 3
  block: [basic, bottleneck]
  depth: {basic: [8, 14], bottleneck: [11]}
  width: {low: 2, high: 6, step: 2}
  merge: {per_stage: [add, oa]}
  xor: [none, entry]
  timesteps: [1, 2]
  neuron: {kind: [lif, plif], tau: {low: 1.5, high: 3.0}}
recipe:
  learning_rate: {low: 0.001, high: 0.01, log: true}
  optimizer: [adamw, sgd]
  momentum: [0.8, 0.9]
constraints: {max_params: 2800}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(MINE)


def lines_of(*words: str) -> list[str]:
    result = xoresnet("space", *words)
    assert (result.code, result.err) == (0, "")
    return result.out.splitlines()


def test_presets_are_listed() -> None:
    lines = lines_of()
    assert [line for line in lines if line.endswith(" networks")] == [
        f"{name}: {networks:,} networks" for name, networks in SIZES.items()
    ]
    assert "  Small networks on scikit-learn's 8x8 digits: seconds a trial." in lines
    assert lines[-2:] == [
        "To describe one: xoresnet space digits",
        "To start your own: xoresnet space digits --yaml > mine.yaml",
    ]
    assert xoresnet("space", "--json").json == SIZES


def test_a_space_is_shown() -> None:
    lines = lines_of("mine.yaml")
    space = SearchSpace.load("mine.yaml")
    size = space.size()
    assert lines[0] == "space mine.yaml: images 1x6x5, 3 classes"
    for line in (
        "depth.basic           8, 14  when block is basic",
        "width                 2 .. 6 by 2",
        "merge.2               add, oa",
        "neuron.tau            1.5 .. 3  when neuron.kind is not if",
        "recipe.learning_rate  0.001 .. 0.01 (log)",
        "recipe.momentum       0.8, 0.9  when recipe.optimizer is sgd",
        "fixed: stem conv3, depth.bottleneck 11, logic_gradient arithmetic",
    ):
        assert line in lines
    figures = {line[:17].strip(): line[17:] for line in lines if line[:1].islower() and line[16:17] == " "}
    assert figures["networks"] == (
        f"{size.networks:,} distinct within the constraints, counted exactly; each with any value of neuron.tau"
    )
    duplicates = f"{100 * size.duplicate_share:.1f} %"
    assert figures["descriptions"] == f"{size.descriptions:,}, of which {duplicates} are duplicates"
    assert figures["constraints"] == (
        f"max_params 2,800: exclude {size.excluded:,} networks, {100 * size.excluded_share:.1f} %"
    )
    assert figures["parameters"] == f"{size.params_range[0]:,} .. {size.params_range[1]:,}"
    assert size.excluded > 0
    assert size.duplicate_share > 0
    assert size.params_range[1] <= 2800
    samples = lines[lines.index("samples") + 1 :]
    assert len(samples) == 5
    for line in samples:
        assert re.fullmatch(
            r"  [0-9a-f]{10}  (bottleneck )?depth (8|11) width [26] T=[12] [ado/]+( plif)?: "
            r"[12],\d\d\d parameters, [\d.,]+( k)? MACs",
            line,
        )


@pytest.mark.parametrize("name", [*preset_names(), "mine.yaml"])
def test_the_same_as_json(name: str) -> None:
    shown = xoresnet("space", name, "--json").json
    space = SearchSpace.load(name) if name == "mine.yaml" else SearchSpace.preset(name)
    size = space.size()
    assert SearchSpace.from_dict(shown["space"]) == space
    assert [row["name"] for row in shown["parameters"]] == [row.name for row in space.describe()]
    assert shown["size"] == {
        "networks": size.networks,
        "excluded": size.excluded,
        "descriptions": size.descriptions,
        "continuous": list(size.continuous),
        "params_range": list(size.params_range),
        "macs_range": list(size.macs_range),
        "duplicate_share": size.duplicate_share,
        "excluded_share": size.excluded_share,
    }
    assert len(shown["samples"]) == 5
    for sample in shown["samples"]:
        arch = Arch.from_dict(sample["arch"])
        assert space.contains(arch)
        assert (sample["arch_id"], sample["params_count"]) == (arch.arch_id, params_count(arch))
        assert sample["macs"] == dense_macs(arch)
    assert ("xoresnet14" in shown["baselines"]) is (name not in ("mini-imagenet", "mine.yaml"))


def test_samples_follow_from_the_seed() -> None:
    first, again, other = (xoresnet("space", "cifar", "--json", *words).json for words in ([], [], ["--seed", "1"]))
    assert first == again
    assert first["samples"] != other["samples"]


@pytest.mark.parametrize("name", [*preset_names(), "mine.yaml"])
def test_yaml_is_the_same_space(name: str) -> None:
    result = xoresnet("space", name, "--yaml")
    assert (result.code, result.err) == (0, "")
    Path("again.yaml").write_text(result.out)
    space = SearchSpace.load(name) if name == "mine.yaml" else SearchSpace.preset(name)
    assert SearchSpace.load("again.yaml") == space
    assert result.out.endswith("\n")
    assert result.out.startswith("arch:" if name == "mine.yaml" else "# ")


def test_samples_are_written() -> None:
    space = SearchSpace.load("mine.yaml")
    assert lines_of("mine.yaml", "--sample", "12") == ["12 networks drawn, 12 of them distinct: archs/*.json"]
    files = sorted(Path("archs").iterdir())
    assert len(files) == 12
    for file in files:
        arch = Arch.load(file)
        assert space.contains(arch)
        assert file.name == f"{arch.arch_id}.json"


def test_samples_elsewhere_and_with_another_seed() -> None:
    paths, again, others = (
        xoresnet("space", "digits", "--sample", "3", "--json", "--out", "a/b", "--seed", seed).json for seed in "112"
    )
    assert paths == again != others
    assert all(Path(path).parent == Path("a/b") and Path(path).is_file() for path in (*paths, *others))
    assert {Arch.load(path).arch_id for path in paths} == {Path(path).stem for path in paths}


def test_the_same_network_drawn_twice_is_one_file() -> None:
    Path("two.yaml").write_text("arch: {input_shape: [1, 8, 8], num_classes: 2, depth: 8, width: [2, 4]}")
    assert lines_of("two.yaml", "--sample", "20") == ["20 networks drawn, 2 of them distinct: archs/*.json"]
    assert len(list(Path("archs").iterdir())) == 2
    assert lines_of("two.yaml", "--sample", "0", "--out", "none") == [
        "0 networks drawn, 0 of them distinct: none/*.json"
    ]


ARCH: dict[str, Any] = {"input_shape": (1, 6, 5), "num_classes": 3, "depth": 8, "width": 2, "timesteps": 2}


def test_a_network_inside() -> None:
    Arch.from_dict({**ARCH, "merge": ("or", "add", "current"), "xor": "entry"}).save("arch.json")
    contained, used = lines_of("mine.yaml", "--check", "arch.json")
    assert contained == "arch.json is in the space"
    counted = hardware_usage(hardware_layers(Arch.load("arch.json")))
    assert used == describe_usage(counted)
    found = xoresnet("space", "mine.yaml", "--check", "arch.json", "--json").json
    usage = {**counted._asdict(), "activation_memory": counted.activation_memory}
    assert found == {"contained": True, "faults": [], "hardware_usage": usage}


def test_a_network_outside() -> None:
    Arch.from_dict({**ARCH, "merge": "iand", "width": 3}).save("arch.json")
    result = xoresnet("space", "mine.yaml", "--check", "arch.json")
    assert (result.code, result.err) == (1, "")
    used = describe_usage(hardware_usage(hardware_layers(Arch.load("arch.json"))))
    too_large = (
        "the network has 2,874 parameters, at most 2,800 are allowed; its largest layer, stages.2.0.convs.1, has 1,320"
    )
    assert result.out.splitlines() == [
        "arch.json is not in the space:",
        "  width: 3 is not in 2 .. 6 by 2",
        f"  constraints.max_params: {too_large}",
        used,
    ]
    Arch.from_dict({**ARCH, "merge": "iand", "neuron": "if"}).save("arch.json")
    result = xoresnet("space", "mine.yaml", "--check", "arch.json", "--json")
    assert result.code == 1
    assert {name: result.json[name] for name in ("contained", "faults")} == {
        "contained": False,
        "faults": [
            {"path": "merge", "message": "'iand' is not one of add, oa"},
            {"path": "neuron.kind", "message": "'if' is not one of lif, plif"},
        ],
    }


def test_a_network_beyond_the_limits() -> None:
    arch = Arch.from_dict({**ARCH, "depth": 14, "width": 6, "merge": "add"})
    arch.save("arch.json")
    result = xoresnet("space", "mine.yaml", "--check", "arch.json")
    assert result.code == 1
    assert result.out.splitlines()[1:-1] == [
        (
            f"  constraints.max_params: the network has {params_count(arch):,} parameters, at most 2,800 are allowed; "
            "its largest layer, stages.2.0.convs.1, has 5,232"
        )
    ]


def test_a_network_that_does_not_fit_on_a_chip() -> None:
    Path("chip.yaml").write_text(MINE.replace("{max_params: 2800}", "{hardware: speck, max_neurons_per_layer: 100}"))
    size, *_ = [line for line in lines_of("chip.yaml") if line.startswith("constraints ")]
    limits = "speck, max_layers 9, max_neurons 327,680, max_neurons_per_layer 100"
    assert (
        size == f"constraints      {limits}: exclude {SearchSpace.load('chip.yaml').size().excluded} networks, 100.0 %"
    )
    arch = Arch.from_dict({**ARCH, "width": 6})
    arch.save("arch.json")
    result = xoresnet("space", "chip.yaml", "--check", "arch.json")
    (most,) = [layer for layer in hardware_layers(arch) if layer.name == "stem.neuron"]
    assert result.out.splitlines()[1:-1] == [
        (
            "  constraints.max_layers: the network has 10 convolutions and linear layers, at most 9 are allowed "
            "by hardware: speck"
        ),
        "  constraints.max_neurons_per_layer: the layer stem.neuron has 180 neurons, at most 100 are allowed",
    ]
    assert most.neurons == 180
    Path("chip.yaml").write_text(MINE.replace("{max_params: 2800}", "{hardware: loihi}"))
    mistake = "constraints.hardware: unknown chip 'loihi'; did you mean 'loihi2'? (in chip.yaml)"
    assert xoresnet("space", "chip.yaml").is_refusal(2, mistake)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("digit", 2, "unknown preset 'digit'; the presets are *; did you mean 'digits'?"),
        ("folder", 2, "unknown preset 'folder'; did you mean the file folder.yaml?"),
        ("none.yaml", 2, "there is no file none.yaml"),
        ("broken.yaml", 2, "broken.yaml, line 1, column 14: a value that contains ': ' must be in quotes"),
        ("binary.yaml", 2, "binary.yaml is not a text file in UTF-8"),
        ("--sample 3", 2, "--sample needs a space: name a preset (cifar, digits, *) or a file"),
        ("--yaml", 2, "--yaml needs a space: name a preset (cifar, digits, *) or a file"),
        ("--check arch.json", 2, "--check needs a space: name a preset (cifar, digits, *) or a file"),
        ("digits --sample -1", 2, "--sample must be at least 0, got -1 (see *)"),
        ("digits --sample many", 2, "--sample must be a whole number, got 'many' (see *)"),
        ("digits --seed -1", 2, "--seed must be at least 0, got -1 (see *)"),
        ("digits cifar", 2, "Got unexpected extra argument (cifar) (see xoresnet space --help)"),
        ("digits --smaple 3", 2, "No such option '--smaple'. Did you mean '--sample'? (see xoresnet space --help)"),
        ("digits --check none.json", 2, "there is no file none.json"),
        ("digits --check folder", 2, "folder is a folder, not a file"),
        ("itself.yaml", 2, "itself.yaml is the configuration of a search, not a space; its space is under the key *"),
        ("other.yaml", 2, "space: unknown field; the fields are arch, recipe, constraints (in other.yaml)"),
        ("wrong.yaml", 2, "space.arch.width: must be at least 1, got 0 (in wrong.yaml)"),
        ("folder.yaml", 2, "folder.yaml: add arch.input_shape and arch.num_classes to its space, because folder may *"),
        ("digits --check broken.yaml", 2, "not valid JSON: * (in broken.yaml)"),
        ("digits --check list.json", 2, "Arch must be a mapping of fields, got list (in list.json)"),
        ("empty.yaml --sample 2", 2, "the space is empty: no network satisfies its constraints (max_params 28)"),
    ],
)
def test_wrong_usage_is_one_sentence(words: str, code: int, message: str) -> None:
    Path("folder").mkdir()
    Path("broken.yaml").write_text("arch: [depth]: 3")
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    Path("list.json").write_text("[1, 2]")
    Path("itself.yaml").write_text("space: itself.yaml\nbudget: 3\n")
    Path("other.yaml").write_text("arch: {input_shape: [1, 8, 8], num_classes: 2}\nspace: digits\n")
    Path("wrong.yaml").write_text("space: {arch: {width: 0}}\n")
    Path("folder.yaml").write_text("space: {arch: {width: 4}}\ndata: {name: folder, root: pictures}\n")
    Path("empty.yaml").write_text(MINE.replace("2800", "28"))
    result = xoresnet("space", *words.split())
    assert result.is_refusal(code, message)
    assert result.out == ""
    assert not Path("archs").exists()


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("space: {arch: {width: [4, 6]}}\n", "images 1x8x8, 10 classes"),  # of the digits, as in a search
        ("space: {arch: {width: [4, 6]}}\ndata: cifar100\nbudget: 3\n", "images 3x32x32, 100 classes"),
        ("space: {arch: {width: [4, 6], input_shape: [1, 9, 9], num_classes: 3}}\n", "images 1x8x8, 10 classes"),
        ("space: digits\ndata: {name: cifar10, root: nowhere}\n", "images 3x32x32, 10 classes"),
        ("space: mine.yaml\nsampler: my.Sampler\n", "images 1x8x8, 10 classes"),
        (
            "space: {arch: {width: 4, input_shape: [3, 20, 30], num_classes: 7}}\ndata: {name: folder, root: p}\n",
            "images 3x20x30, 7 classes",
        ),
    ],
)
def test_the_space_of_a_search(text: str, shape: str) -> None:
    Path("search.yaml").write_text(text)
    assert lines_of("search.yaml")[0] == f"space search.yaml: {shape}"
    assert xoresnet("space", "search.yaml", "--sample", "2").code == 0
    as_yaml = xoresnet("space", "search.yaml", "--yaml").out
    Path("alone.yaml").write_text(as_yaml)
    assert lines_of("alone.yaml")[1:] == lines_of("search.yaml")[1:]


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("constraints", "; it belongs to the space: write it under 'space:'"),
        ("objectivs", "; did you mean 'objectives'?"),
    ],
)
def test_a_field_that_no_search_has(field: str, hint: str) -> None:
    Path("search.yaml").write_text(f"space: digits\n{field}: {{max_neurons: 10}}\n")
    assert xoresnet("space", "search.yaml").is_refusal(2, f"search.yaml: unknown field '{field}'{hint}")


def test_every_fault_of_a_file_has_its_line() -> None:
    Path("bad.yaml").write_text(MINE.replace("width:", "widht:").replace("[add, oa]", "[ad, oa]").replace("2800", "0"))
    for words in ([], ["--json"], ["--yaml"], ["--sample", "2"]):
        result = xoresnet("space", "bad.yaml", *words)
        assert (result.code, result.out) == (2, "")
        assert result.err.splitlines() == [
            "error: arch.widht: unknown field; did you mean 'width'? (in bad.yaml)",
            f"error: arch.merge.per_stage.0: 'ad' is not one of {', '.join(MERGES)}; did you mean 'add'? (in bad.yaml)",
            "error: constraints.max_params: must be a whole number of at least 1, got 0 (in bad.yaml)",
        ]


def test_a_space_without_networks_is_shown_all_the_same() -> None:
    Path("empty.yaml").write_text(MINE.replace("2800", "28"))
    lines = lines_of("empty.yaml")
    assert any(line.startswith("networks         0 distinct") for line in lines)
    assert "baselines        none" in lines
    assert "samples" not in lines
    shown = xoresnet("space", "empty.yaml", "--json").json
    assert (shown["size"]["networks"], shown["samples"], shown["baselines"]) == (0, [], {})
    assert shown["size"]["excluded_share"] == 1


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    for name in ("space.txt", "plain"):
        Path(name).write_text(MINE)
        lines = lines_of(name)
        assert lines[0] == f"space {name}: images 1x6x5, 3 classes"
    Path("deep").mkdir()
    Path("deep/mine.yml").write_text(MINE)
    assert lines_of(str(tmp_path / "deep/mine.yml"))[0].endswith("images 1x6x5, 3 classes")


@pytest.mark.parametrize("words", [[], ["--yaml"], ["--sample", "1"], ["--json"]])
def test_a_space_of_others_imports_what_it_names_only_if_it_is_trusted(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = "from pathlib import Path\nfrom xoresnet import Join, Merge\nPath('ran').touch()\n"
    (tmp_path / "theirs.py").write_text(code + "MERGE = Merge(Join.CURRENTS, Join.CURRENTS)\n")
    Path("theirs.yaml").write_text("arch: {input_shape: [1, 8, 8], num_classes: 10, merge: [or, theirs.MERGE]}\n")
    Path("search.yaml").write_text("space: {arch: {merge: [or, theirs.MERGE]}}\n")
    fact = "names code that would be imported, and so run: theirs.MERGE; add --trust-code if you trust it"
    assert xoresnet("space", "theirs.yaml", *words).is_refusal(1, f"theirs.yaml {fact}")
    if words == []:
        assert xoresnet("space", "search.yaml").is_refusal(1, f"search.yaml {fact}")
        with pytest.raises(UntrustedCodeError):
            SearchSpace.load("theirs.yaml")
    assert not Path("ran").exists()
    assert xoresnet("space", "theirs.yaml", "--trust-code", *words).code == 0
    assert Path("ran").exists()
    sys.modules.pop("theirs")
