"""What every export format promises. Its test inherits `FormatContract`."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.xoresnet.lively import clear_images, facts, lively
from xoresnet import Arch, ExportError, SpikingNeuron, export
from xoresnet.standalone import formats
from xoresnet.standalone.export import FORMATS, collect_formats
from xoresnet.standalone.format import Format
from xoresnet.standalone.module import Standalone

SMALL = Arch(input_shape=(1, 8, 8), num_classes=5, depth=8, width=3, merge="oa", xor="middle", timesteps=2)
ROOT = Path(__file__).parents[4]
_WRITTEN: dict[str, Path] = {}


class FormatContract:
    name: str
    bytes_per_step = 5000
    """How much a file may grow with each time step of each layer of neurons; weights do not depend on time."""

    @pytest.fixture
    def form(self) -> Format:
        return collect_formats()[self.name]

    @pytest.fixture
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A model whose files count spikes, if they can; written once, since that takes seconds."""
        if self.name in _WRITTEN:
            return _WRITTEN[self.name]
        place = _WRITTEN[self.name] = tmp_path_factory.mktemp(self.name) / "model"
        folder, file = export(lively(SMALL), facts(SMALL), place, [self.name], spikes=True)
        assert (folder.path, file.path) == (place, place / f"model.{self.name}")
        assert file.decided > file.images / 2
        assert file.logits_error < 1e-5
        return place

    def test_it_is_listed(self, form: Format) -> None:
        assert self.name in FORMATS
        assert (form.name, form.file) == (self.name, f"model.{self.name}")

    @pytest.mark.parametrize("batch", [1, 5])
    def test_the_file_returns_what_the_network_does(self, form: Format, folder: Path, batch: int) -> None:
        images, logits, spikes = clear_images(lively(SMALL), batch)
        returned = form.run(folder / form.file, images)
        torch.testing.assert_close(returned[0], logits, rtol=0, atol=1e-5 * float(logits.abs().max()))
        assert torch.equal(returned[1], spikes)
        assert spikes.min() > 0

    def text_of(self, path: Path) -> bytes:
        """What a reader of the file can see, decompressed."""
        if not zipfile.is_zipfile(path):
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            return b"".join([path.read_bytes(), *(archive.read(name) for name in archive.namelist())])

    def test_nothing_tells_of_the_machine_that_wrote_it(self, folder: Path) -> None:
        places = {ROOT, Path.home(), Path.cwd(), folder.parent, Path(sys.prefix), Path(torch.__file__).parents[1]}
        secrets = {str(place) for place in places if place != Path("/")} | {".py", "stack_trace", "self.net("}
        for path in folder.iterdir():
            text = self.text_of(path)
            assert [secret for secret in secrets if secret.encode() in text] == [], path.name

    def test_a_time_step_adds_little(self, form: Format, folder: Path, tmp_path: Path) -> None:
        longer = SMALL.replace(timesteps=4)
        net, data = lively(longer), facts(longer).data
        form.write(Standalone(net, data.mean, data.std, spikes=True), tmp_path / form.file)
        growth = (tmp_path / form.file).stat().st_size - (folder / form.file).stat().st_size
        layers = sum(isinstance(module, SpikingNeuron) for module in net.modules())
        assert growth <= self.bytes_per_step * layers * (longer.timesteps - SMALL.timesteps)

    def test_without_counting_it_returns_logits_alone(self, form: Format, tmp_path: Path) -> None:
        data = facts(SMALL).data
        form.write(Standalone(lively(SMALL), data.mean, data.std, fold=True), tmp_path / form.file)
        images, logits, _ = clear_images(lively(SMALL), 3)
        returned = form.run(tmp_path / form.file, images)
        assert len(returned) == (1 if form.returns_spikes else 2)  # else it is `run` that counts
        torch.testing.assert_close(returned[0], logits, rtol=0, atol=1e-5 * float(logits.abs().max()))
        assert [path.name for path in tmp_path.iterdir()] == [form.file]

    def test_the_code_on_the_card_runs_without_this_project(self, folder: Path) -> None:
        example = (folder / "README.md").read_text().split("```python\n")[-1]
        code = "import sys; sys.modules['xoresnet'] = None\n" + example.partition("```")[0]
        check = "assert list(logits.shape) == [1, 5], logits.shape"
        subprocess.run([sys.executable, "-c", f"{code}\n{check}"], check=True, capture_output=True, cwd=folder)

    def test_the_card_tells_what_the_file_returns(self, form: Format, folder: Path) -> None:
        (row,) = (line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| output |"))
        assert ("spikes [N]" in row) == form.returns_spikes
        assert form.output.format(classes=5) in row

    def test_a_package_that_is_missing(self, form: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for package in form.packages:
            with monkeypatch.context() as patch:
                patch.setitem(sys.modules, package, None)
                with pytest.raises(ExportError, match=rf"writing \.{self.name} needs pip install .*: .*{package}"):
                    export(lively(SMALL), facts(SMALL), tmp_path / "model", [self.name])
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_does_something_else_is_refused(
        self, form: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong = replace(
            form, write=lambda model, path: path.touch(), run=lambda path, images: (torch.ones(len(images), 5),)
        )
        monkeypatch.setattr(sys.modules[f"{formats.__name__}.{self.name}"], "FORMAT", wrong)
        with pytest.raises(ExportError, match=rf"model\.{self.name} differs from the network: its logits are off by"):
            export(lively(SMALL), facts(SMALL), tmp_path / "model", [self.name])
        assert list(tmp_path.iterdir()) == []
