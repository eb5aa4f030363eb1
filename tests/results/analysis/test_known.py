"""The known networks against those that a search found, in sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.results.made_runs import confirming, run_of, seed_of, trial
from xoresnet.results import Run
from xoresnet.results.analysis.findings import found
from xoresnet.results.analysis.wording import Finding


def listed(run: Run, place: str = "r") -> list[Finding]:
    return [finding for finding in found(run, place) if finding.kind == "known"]


class TestKnown:
    """The known networks against those that the search found."""

    def test_dominated_and_on_the_front(self) -> None:
        run = run_of(
            trial(0, 0.6, 400.0, source="sew-resnet8"),
            trial(1, 0.7, 100.0),
            trial(2, 0.6, 50.0, config_merge="oa"),
            trial(3, 0.9, 900.0, source="xoresnet14"),
            trial(4, 0.8, 950.0, source="ms-resnet14"),
            trial(5, 0.2, 999.0, source="or-resnet8", state="PRUNED"),
        )
        summary, detail = listed(run)
        assert summary.sentence == (
            "Of the 3 known networks trained to the end in the search, 1 is dominated by networks that the search "
            "found, 1 is dominated by other known networks only and 1 is on the front: xoresnet14; 1 more was not "
            "trained to the end."
        )
        assert summary.command == "xoresnet confirm r --baselines"
        assert detail.sentence == (
            "#2 (depth 8 width 8 T=2 oa) dominates sew-resnet8 (#0, width 8 T=2): validation accuracy 60.00 % against "
            "60.00 %, with 0.12 times the spikes per sample."
        )

    def test_by_confirmed_means(self) -> None:
        known, own = trial(0, 0.6, 400.0, source="sew-resnet8"), trial(1, 0.7, 100.0)
        run = confirming(run_of(known, own), *(seed_of(row, seed) for row in (known, own) for seed in (1, 2, 3)))
        summary, detail = listed(run)
        assert summary.sentence == (
            "The only known network confirmed, sew-resnet8, is dominated by networks that the search found."
        )
        assert (summary.command, detail.figure) == ("", "confirmed")
        ratio = detail.numbers[-1]
        assert (ratio.estimate, ratio.scale, ratio.count) == (pytest.approx(0.25), "ratio", 3)
        assert ratio.interval.low < 0.25 < ratio.interval.high
        assert "accuracy on the test set 68.00 % against 58.00 %, with 0.25 [0.24, 0.26] times" in detail.sentence

    def test_known_networks_that_are_not_confirmed(self) -> None:
        known, own = trial(0, 0.6, 400.0, source="sew-resnet8"), trial(1, 0.7, 100.0)
        summary, _ = listed(confirming(run_of(known, own), seed_of(own)))
        assert "trained to the end in the search, sew-resnet8, is dominated" in summary.sentence
        assert summary.command == "xoresnet confirm r --baselines"

    @pytest.mark.parametrize(
        ("source", "words"), [(None, "was tried"), ("xoresnet8", "was trained to the end"), ("runs/old:3", "was tried")]
    )
    def test_none(self, source: str | None, words: str) -> None:
        (finding,) = listed(run_of(trial(0), trial(1, state="PRUNED", source=source)))
        assert finding.sentence == (f"No known network {words}, so this run cannot compare its networks with them.")
        assert finding.command == "xoresnet confirm r --baselines"


class TestSizes:
    """The name of a known network tells neither its width nor T."""

    @pytest.mark.parametrize(
        ("changes", "which"),
        [
            ({}, " except for T=2 instead of T=4"),
            ({"config_width": 16}, " except for width 16 instead of width 8 and T=2 instead of T=4"),
            ({"config_timesteps": 4, "config_recipe.learning_rate": 0.1}, " with another recipe"),
        ],
    )
    def test_the_same_network_in_another_size(self, changes: dict[str, Any], which: str) -> None:
        run = run_of(trial(0, 0.5, 400.0, source="or-resnet8", config_timesteps=4), trial(1, 0.6, 100.0, **changes))
        _, detail = listed(run)
        assert detail.sentence.startswith(
            f"#1 (the same network as or-resnet8{which}) dominates or-resnet8 (#0): validation accuracy 60.00 %"
        )

    def test_another_network_is_described_and_so_is_the_known_one(self) -> None:
        changes = {"config_merge": "add"}
        run = run_of(trial(0, 0.5, 400.0, source="or-resnet8", config_timesteps=4), trial(1, 0.6, 100.0, **changes))
        _, detail = listed(run)
        assert detail.sentence.startswith(
            "#1 (depth 8 width 8 T=2 add) dominates or-resnet8 (#0, width 8 T=4): validation"
        )

    def test_units_stand_on_numbers(self) -> None:
        objectives = {"train_seconds": "min", "peak_memory_mib": "min"}
        rows = [{**trial(n, config_merge=("or", "add")[n]), "peak_memory_mib": 9.0 - n} for n in (0, 1)]
        rows[0] |= {"source": "or-resnet8", "train_seconds": 51.0}
        _, detail = listed(run_of(*rows, objectives=objectives))
        assert detail.sentence.endswith(": training time 50 against 51 s, with peak memory 8 against 9 MiB.")


class TestUntold:
    """Why no known network can be compared."""

    def told(self, count: object, *, like: bool = False, state: str = "", sizes: object = "width 16 T=4") -> Finding:
        rows = [trial(0, config_merge="or/oa/add"), *([trial(1, config_width=8, config_merge="add")] if like else [])]
        rows += [trial(2, state=state, source="xoresnet8", config_merge="oa/or/or")] if state else []
        run = run_of(*rows)
        noted = {"known_networks": count, "known_sizes": sizes}
        (finding,) = listed(replace(run, environment={**run.environment, "space": noted}))
        assert finding.sentence.endswith(", so this run cannot compare its networks with them.")
        return finding

    def test_a_space_without_known_networks(self) -> None:
        finding = self.told(0)
        assert finding.sentence.startswith(
            "The space contains no known network such as spiking-resnet14 or sew-resnet14,"
        )
        assert finding.command == ""

    def test_none_was_tried(self) -> None:
        finding = self.told(15)
        assert finding.sentence.startswith("None of the 15 known networks of the space (width 16 T=4) was tried, so")
        assert finding.command == "xoresnet confirm r --baselines"

    def test_networks_like_known_ones_are_of_another_size(self) -> None:
        assert self.told(15, like=True).sentence.startswith(
            "None of the 15 known networks of the space (width 16 T=4) was tried, and networks that are like them in "
            "another size do not count, so"
        )

    def test_one_was_not_trained_to_the_end(self) -> None:
        begin = "The only known network of the space (width 16 T=4) was not trained to the end, so"
        assert self.told(1, state="PRUNED").sentence.startswith(begin)

    @pytest.mark.parametrize("junk", ["15", None, -3, [0]])
    def test_what_a_stranger_wrote(self, junk: object) -> None:
        finding = self.told(junk, sizes=junk)
        assert finding.sentence.startswith("No known network was tried, so")
