"""Models of recordings: frames in, every format, files of recordings, and the code on the card."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.xoresnet.data.events.recorded import noise, write_aedat4, write_bin, write_npy
from tests.xoresnet.lively import lively
from xoresnet import Arch, DataError, SpecError, UsageError, XOResNet, export, load_model
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.data_facts import DataFacts
from xoresnet.standalone.export import collect_formats
from xoresnet.standalone.module import Standalone

ARCH = Arch(input_shape=(2, 8, 8), num_classes=3, depth=8, width=3, merge="oa", xor="middle", timesteps=3)
FACTS = DataFacts(
    name="events-folder", classes=("clap", "roll", "wave"), mean=(0, 0), std=(1, 1), frames="count", sensor=(16, 12)
)
FORMATS = ("pt2", "onnx", "nir")


def network() -> XOResNet:
    return lively(ARCH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "model"
    written = export(network(), ModelConfig(arch=ARCH, data=FACTS), place, FORMATS, spikes=True)
    assert all(file.images == 16 and file.decided > 8 and file.logits_error < 1e-5 for file in written)
    return place


@pytest.mark.parametrize("name", FORMATS)
def test_files_return_what_the_network_does(folder: Path, name: str) -> None:
    frames = torch.poisson(torch.full((3, 5, 2, 8, 8), 0.3), generator=torch.Generator().manual_seed(1))
    logits, spikes = load_model(folder, spikes=True)(frames)
    torch.testing.assert_close(logits, network()(frames))  # read as they were counted
    form = collect_formats()[name]
    returned = form.run(folder / form.file, frames)
    torch.testing.assert_close(returned[0], logits, rtol=0, atol=1e-4 * float(logits.abs().max()))
    assert torch.equal(returned[1], spikes)
    assert not torch.allclose(form.run(folder / form.file, frames.flip(0))[0], logits)  # the order counts


def test_frames_are_of_any_type_and_no_images(folder: Path) -> None:
    model = load_model(folder)
    frames = torch.randint(4, (3, 2, 2, 8, 8), dtype=torch.uint8)
    assert torch.equal(model(frames), model(frames.float()))
    with pytest.raises(UsageError, match="frames are numbers of events, which cannot lie below 0, but these reach -1"):
        model(frames.float() - 1)
    with pytest.raises(UsageError, match="frames must be floating-point numbers or uint8, got int64"):
        model(frames.long())
    with pytest.raises(UsageError, match="expected a tensor of frames, got list"):
        model([1])
    for shape in ((3, 2, 8, 8), (2, 8, 8), (4, 1, 2, 8, 8), (3, 1, 3, 8, 8), (8,)):
        with pytest.raises(UsageError, match=r"^expected frames \[3, N, 2, 8, 8\], got \["):
            model(torch.zeros(shape))
    with pytest.raises(UsageError, match="cannot lie below 0, but there is NaN among these"):
        model(frames * float("nan"))


WRITERS = {".npy": write_npy, ".bin": write_bin, ".aedat4": write_aedat4}


@pytest.mark.parametrize("suffix", WRITERS)
def test_files_of_recordings(folder: Path, tmp_path: Path, suffix: str) -> None:
    for number in range(3):
        WRITERS[suffix](tmp_path / "new" / f"{number}{suffix}", noise(number, 90, (16, 12)))
    model = load_model(folder, spikes=True)
    found = model.predict(tmp_path / "new")
    assert found.names == tuple(str(tmp_path / "new" / f"{number}{suffix}") for number in range(3))
    each = [model.predict(str(name)) for name in found.names]
    np.testing.assert_allclose(found.probabilities, np.concatenate([one.probabilities for one in each]), rtol=1e-5)
    assert found.spikes is not None
    frames = np.stack([counted(number) for number in range(3)], 1)
    of_frames = model.predict(frames)
    np.testing.assert_allclose(of_frames.probabilities, found.probabilities, rtol=1e-5)
    assert of_frames.names == ("0", "1", "2")
    assert model.predict([frames[:, 0], tmp_path / "new"]).names[0] == "0"


def counted(seed: int) -> np.ndarray:
    """Three parts of 30 events in pixels of 2 x 1.5 pixels of the sensor, event by event."""
    frames, recording = np.zeros((3, 2, 8, 8), np.float32), noise(seed, 90, (16, 12))
    for place, event in enumerate(recording):
        frames[place // 30, int(event["p"]), event["y"] * 8 // 16, event["x"] * 8 // 12] += 1
    return frames


def test_what_is_no_recording(folder: Path, tmp_path: Path) -> None:
    model = load_model(folder)
    write_npy(tmp_path / "large" / "a.npy", noise(0, 90, (17, 12)))
    with pytest.raises(DataError, match=r"a\.npy has events outside of the sensor of 16 x 12 that the network knows"):
        model.predict(tmp_path / "large")
    with pytest.raises(UsageError, match=r"recording 0: expected frames \[3, 2, 8, 8\], got \[2, 8, 8\]"):
        model.predict(np.zeros((2, 8, 8)))
    with pytest.raises(UsageError, match=r"expected frames .*, got \[90, 4\]; give events as the path of their .npy"):
        model.predict(np.zeros((90, 4)))
    with pytest.raises(UsageError, match=r"got an array of \[\('x', .*; give events as the path of their .npy file"):
        model.predict(noise(0))
    with pytest.raises(UsageError, match="contains no recordings"):
        model.predict(folder)
    with pytest.raises(UsageError, match="no recordings were given"):
        model.predict([])
    with pytest.raises(UsageError, match=r"recordings must be paths, or frames .*, got dict"):
        model.predict({})
    with pytest.raises(UsageError, match="there is no file"):
        model.predict(tmp_path / "none.npy")


def test_the_card_tells_what_to_give_and_its_code_runs(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    parts = "the events of each polarity and pixel in 3 parts of equally many events"
    assert f"| input | frames [3, N, 2, 8, 8], float32: {parts} |" in card
    assert "| time steps | 3, with one frame at each of them |" in card
    with_us, preparing, *examples = (block.partition("```")[0] for block in card.split("```python\n")[1:])
    write_npy(folder / "recording.npy", noise(7, 90, (16, 12)))
    compared = "import numpy\nassert numpy.allclose(found.probabilities, model.predict(frames[:, 0]).probabilities)"
    run(folder, f"{with_us}\n{preparing}\n{compared}")
    assert len(examples) == len(FORMATS)
    for example in examples:
        run(folder, f"import sys; sys.modules['xoresnet'] = None\n{example}\nassert list(logits.shape) == [1, 3]")
    (folder / "recording.npy").unlink()


def run(folder: Path, code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


def test_frames_and_sensor_go_together() -> None:
    with pytest.raises(SpecError, match="sensor: must be given with frames, and only with them"):
        FACTS.replace(sensor=None)


def test_images_stay_images() -> None:
    model = Standalone.of(network(), ModelConfig(arch=ARCH, data=FACTS.replace(frames=None, sensor=None)))
    assert not model.takes_frames
    assert model(torch.rand(2, 2, 8, 8)).shape == (2, 3)
