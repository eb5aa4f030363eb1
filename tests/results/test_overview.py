"""What the prompt and a notebook show of a run."""

from __future__ import annotations

from tests.results.made_runs import confirming, empty_run, run_of, trial, varied_run

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def test_lines() -> None:
    run = run_of(
        trial(0, 0.5, 100), trial(1, 0.9, 2000), trial(2, state="PRUNED", epochs_trained=1), data={"name": "digits"}
    )
    assert repr(run).splitlines() == [
        "Run made: a search on digits",
        "objectives: validation accuracy (max), spikes per sample (min)",
        "trials: 2 complete, 1 pruned; 2.3 of 30 full trainings spent",
        "front: 2 networks, single trainings measured on the validation images, which is optimistic; none confirmed",
        "knee: trial 1, accuracy 90.00 %, spikes 2,000: depth 8 width 8 T=2 or",
        "highest accuracy: trial 1, accuracy 90.00 %, spikes 2,000: depth 8 width 8 T=2 or",
        "lowest spikes: trial 0, accuracy 50.00 %, spikes 100: depth 8 width 8 T=2 or",
    ]


def test_confirmed_means_are_named() -> None:
    text = repr(confirming(run_of(trial(0, 0.5, 100), trial(1, 0.9, 2000))))
    assert "front: 2 networks, means of confirmed trainings on the test set" in text
    assert "highest test accuracy: trial 1, test accuracy 88.00 %, test spikes 2,080" in text


def test_nothing_yet() -> None:
    assert repr(empty_run()).splitlines()[2:] == [
        "trials: none has started yet",
        "front: empty, no trial is complete yet",
    ]
    assert "<table" in empty_run()._repr_html_()


def test_long_runs_stay_short() -> None:
    run = varied_run(1000)
    assert len(repr(run).splitlines()) < 12
    assert len(run._repr_html_()) < 8000


def test_texts_of_users_are_harmless() -> None:
    run = run_of(trial(0, config_merge=HOSTILE, source=HOSTILE), trial(1, 0.9, 5000), name=HOSTILE, data=HOSTILE)
    assert "\x1b" not in repr(run)
    html = run._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html
