"""The report: what is written, and how it does in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from tests.results.made_runs import confirming, empty_run, run_of, seed_of, trial, varied_run, write_run
from tests.results.page.browser import PHONE, Visit, opened_browser
from xoresnet.errors import RunError, UsageError
from xoresnet.results import Run, importance, load, report
from xoresnet.results.analysis.findings import found
from xoresnet.results.analysis.leading import leading
from xoresnet.results.analysis.networks import baseline_of, describe
from xoresnet.results.figures import FIGURES
from xoresnet.results.page.headline import failures

HOSTILE = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'></script>"
BLOCKS = "'\"><svg onload=window.hacked=1>"


def hostile_run() -> Run:
    """Whatever users can write is an attack."""
    rows = [
        trial(
            number,
            0.3 + 0.02 * (number % 9),
            100.0 + 40 * number,
            config_merge=("or", HOSTILE)[number % 2],
            config_timesteps=1 + number % 3,
            source=HOSTILE,
            worker=f"{BLOCKS}:7",
            reason=HOSTILE,
            state="FAIL" if number == 5 else "COMPLETE",
        )
        for number in range(10)
    ]
    run = run_of(*rows, name=f"{HOSTILE}{BLOCKS}", data={"root": HOSTILE, BLOCKS: [BLOCKS], "long": "x" * 999})
    run.environment["packages"][HOSTILE] = BLOCKS
    return confirming(replace(run, layers=run.layers.assign(name=HOSTILE)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page_path(folder: Path) -> Path:
    return report(varied_run(60), folder / "varied.html")


@pytest.fixture(scope="module")
def small_page(folder: Path) -> Path:
    """Of so few trials that no forest is fitted for the importance of parameters."""
    return report(varied_run(8), folder / "small.html")


@pytest.fixture(scope="module")
def text(page_path: Path) -> str:
    return page_path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shared(browser: Any, page_path: Path) -> Visit:
    """One visit shared by the tests on a desktop, which leave the page as it was or do not depend on that."""
    return Visit(browser, page_path, permissions=["clipboard-read", "clipboard-write"])


def first_dot() -> Any:
    """The row of the front whose dot comes first; baselines have symbols of their own."""
    front = varied_run(60).front
    return front[[baseline_of(source) is None for source in front["source"]]].sort_values("trial_id").iloc[0]


class TestFile:
    """What is written, and where."""

    def test_into_the_folder_of_the_run(self, tmp_path: Path) -> None:
        folder = write_run(varied_run(8), tmp_path / "digits")
        path = report(folder)
        assert path == folder / "report.html"
        assert load(folder).name == "digits"
        assert "<title>digits · xoresnet</title>" in path.read_text(encoding="utf-8")
        assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []

    def test_the_same_run_gives_the_same_file(self, small_page: Path, tmp_path: Path) -> None:
        assert report(varied_run(8), tmp_path / "again.html").read_bytes() == small_page.read_bytes()

    def test_to_a_folder_that_is_made(self, tmp_path: Path) -> None:
        assert report(empty_run(), tmp_path / "a" / "b.html").exists()

    @pytest.mark.parametrize("run", [varied_run(8), "memory://bucket/made"])
    def test_where_to_must_be_said(self, run: Run | str) -> None:
        with pytest.raises(UsageError, match=r"made has no default path; add path='report.html'"):
            report(run)

    def test_nothing_is_written_for_what_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="holds no search"):
            report(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_thousand_trials_fit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        few = importance(varied_run(60).trials)  # as much to draw as for a thousand, and faster
        monkeypatch.setattr("xoresnet.results.figures.importance.importance", lambda trials, objectives: few)
        path = report(varied_run(1000), tmp_path / "large.html")
        assert path.stat().st_size < 8e6

    def test_it_has_one_copy_of_plotly_and_asks_for_nothing(self, page_path: Path) -> None:
        text = page_path.read_text(encoding="utf-8")
        assert text.count("plotly.js v") == 1
        assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=", text)


class TestText:
    """What can be read without the figures."""

    def test_headline(self, text: str) -> None:
        facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", text))
        run = varied_run(60)
        assert facts["Trials"] == "60"
        lead = leading(run)
        assert lead.is_confirmed
        best, leanest = (
            lead.front.loc[lead.front["test_accuracy_mean"].idxmax()],
            lead.front.loc[lead.front["test_spikes_per_sample_mean"].idxmin()],
        )
        assert facts["Front"] == f"{len(lead.front)}"
        accuracy = f"{100 * best['test_accuracy_mean']:.2f} ± {100 * best['test_accuracy_std']:.2f} %"
        assert facts["Best test accuracy"] == accuracy
        assert facts["Fewest test spikes"].startswith(f"{leanest['test_spikes_per_sample_mean']:,.0f} ± ")
        assert re.fullmatch(r"[\d.]+ % at [\d,]+ test spikes", facts["Knee"])
        assert f"#{best['trial_id']}, {best['arch_id']}, mean of 3 seeds" in text
        assert float(facts["Hypervolume"]) > 0
        assert facts["Elapsed time"] == "30 min"
        assert facts["Machine time"] == "55 min"
        states = run.trials["state"].value_counts()
        assert "reference: validation accuracy" in text
        counts = f"{states['COMPLETE']} complete, {states['PRUNED']} pruned, 1 failed, 1 unfinished"
        spent = f"{run.trials['epochs_trained'].sum() / 3:.1f} of 30 full trainings spent"
        assert f"As of 2026-01-02 03:34 UTC · {counts}; {spent}" in text

    def test_headline_of_single_trainings(self, tmp_path: Path) -> None:
        run = run_of(trial(0, 0.5, 100.0), trial(1, 0.75, 200.0))
        for confirmed, detail in (
            (run, "networks"),
            (confirming(run, seed_of(trial(0))), "networks, 1 of them confirmed"),
        ):
            text = report(confirmed, tmp_path / "page.html").read_text(encoding="utf-8")
            facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", text))
            assert (facts["Best accuracy"], facts["Fewest spikes"]) == ("75.00 %", "100")
            assert f'<dt>Front</dt><dd>2</dd><dd class="detail">{detail}</dd>' in text

    def test_what_was_found_comes_first(self, text: str) -> None:
        section = text.partition('<section id="findings"')[2].partition("</section>")[0]
        assert text.index('id="findings"') < text.index('class="facts"')
        listed = found(varied_run(60))
        places = [section.index(str(escape(finding.sentence))) for finding in listed]
        assert places == sorted(places)
        assert re.findall(r'<a href="#(\w+)">', section) == [finding.figure for finding in listed]
        for finding in listed:
            assert f'<section id="{finding.figure}"' in text
            assert not finding.command or f"<code>{finding.command}</code>" in section

    def test_commands_name_the_run(self, tmp_path: Path) -> None:
        folder = write_run(run_of(trial(0), trial(1, 0.6)), tmp_path / "my run")
        quoted = str(escape(f"'{folder}'"))
        assert f"<code>xoresnet confirm {quoted}</code>" in report(folder).read_text(encoding="utf-8")
        other = report(load(folder), tmp_path / "page.html", place="runs/mine").read_text(encoding="utf-8")
        assert "<code>xoresnet confirm runs/mine</code>" in other

    def test_a_front_that_is_confirmed_in_part_has_both_in_its_table(self, tmp_path: Path) -> None:
        run = confirming(run_of(rows := trial(0), trial(1, 0.9, 2000.0)), seed_of(rows), seed_of(rows, 2))
        text = report(run, tmp_path / "page.html").read_text(encoding="utf-8").partition('id="table"')[2]
        heads = re.findall(r'class="sort">([^<]+)<', text)
        assert heads[2:4] == ["accuracy", "spikes"]
        assert heads[-4:] == ["test accuracy", "test spikes", "seeds", "network"]
        cells = re.findall(r'<td class="number" data-value="[^"]*">([^<]*)<', text)
        assert cells[6:9] == ["48.50 ± 0.71 %", "1,030 ± 14.14", "2"]
        assert cells[15:18] == ["", "", "0"]

    @pytest.mark.parametrize(
        ("states", "progress"),
        [
            ([], "No trial has started yet"),
            (["RUNNING"], "· 1 unfinished; 1.0 of 7.5 full trainings spent"),
            (["COMPLETE"] * 3, "· 3 complete; 3.0 of 7.5 full trainings spent"),
            (["PAUSED", "COMPLETE"], "· 1 complete, 1 paused; 2.0 of 7.5 full trainings spent"),
        ],
    )
    def test_progress(self, states: list[str], progress: str, tmp_path: Path) -> None:
        run = run_of(*(trial(number, state=state) for number, state in enumerate(states)), budget=7.5)
        assert f"{progress}</p>" in report(run, tmp_path / "report.html").read_text(encoding="utf-8")

    def test_a_run_whose_budget_was_a_number_of_trials(self, tmp_path: Path) -> None:
        run = run_of(trial(0), trial(1, state="PRUNED"))
        del run.config["budget"]
        assert "· 1 complete, 1 pruned</p>" in report(run, tmp_path / "report.html").read_text(encoding="utf-8")

    def test_the_front_is_a_table(self, text: str) -> None:
        table = text.partition('id="table"')[2].partition("</table>")[0]
        front = leading(varied_run(60)).front
        assert re.findall(r'data-copy="([^"]+)"', table) == list(front["arch_id"])
        for network in describe(front):
            assert network in table

    def test_every_figure_has_its_reading(self, text: str) -> None:
        for name, kind in FIGURES.items():
            section = text.partition(f'<section id="{name}"')[2].partition("</section>")[0]
            if missing := kind.info(varied_run(60)).missing:  # it is listed at the end, where links find it
                assert f'<div id="{name}"><dt>{kind.title}</dt><dd>{missing}</dd></div>' in text
                assert section == ""
            else:
                assert kind.title in section
                assert kind.reading.split("“")[0][:60] in section

    def test_no_row_is_half_empty(self, page_path: Path, small_page: Path) -> None:
        for path in (page_path, small_page):
            cards = re.findall(r'<section id="(?!findings)\w+" class="card( wide)?"', path.read_text(encoding="utf-8"))
            narrow = [len(run) for run in "".join("w" if wide else "n" for wide in cards).split("w")]
            assert all(count % 2 == 0 for count in narrow)
            assert any(narrow)

    def test_the_data_set_is_in_the_heading(self, tmp_path: Path) -> None:
        path = report(run_of(trial(0), name="mine", data={"name": "di<gits"}), tmp_path / "report.html")
        text = path.read_text(encoding="utf-8")
        assert "<title>mine on di&lt;gits · xoresnet</title>" in text
        assert '<p class="kind">xoresnet search on di&lt;gits</p>' in text

    def test_failures_are_counted(self) -> None:
        rows = [trial(n, state="FAIL", reason=("out of memory", "diverged")[n % 3 == 0]) for n in range(7)]
        assert failures(run_of(*rows).trials) == [("out of memory", 4), ("diverged", 3)]

    def test_configuration_and_environment(self, text: str) -> None:
        assert "metric: val_accuracy" in text
        assert "<dt>torch</dt><dd>2.6.0</dd>" in text


class TestInBrowser:
    """Chromium, over the DevTools protocol."""

    def test_no_complaint_and_no_request(self, shared: Visit, page_path: Path) -> None:
        assert shared.complaints == []
        assert set(shared.requests) == {page_path.as_uri()}

    def test_no_button_sends_anything_anywhere(self, shared: Visit) -> None:
        titles = "() => [...document.querySelectorAll('#front .modebar-btn')].map(button => button.dataset.title)"
        assert shared.js(titles) == ["Download plot", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"]

    def test_every_figure_is_drawn(self, shared: Visit) -> None:
        marks = shared.js(
            """() => Object.fromEntries([...document.querySelectorAll(".plot")].map(plot => [
                plot.dataset.figure,
                plot.querySelectorAll(".trace .point, .trace path, .heatmaplayer image").length,
            ]))"""
        )
        assert set(marks) == {name for name, kind in FIGURES.items() if not kind.info(varied_run(60)).missing}
        assert all(marks.values()), marks

    def test_hovering_shows_the_configuration(self, shared: Visit) -> None:
        first = first_dot()
        text = shared.hover("front", "front")
        assert f"#{first['trial_id']}  {first['arch_id']}" in text
        assert f"width {first['config.width']}, T={first['config.timesteps']}" in text
        assert f"merge: {first['config.merge']}" in text
        front = leading(varied_run(60)).front.set_index("trial_id")
        assert f"test accuracy {100 * front.loc[first['trial_id'], 'test_accuracy_mean']:.2f} %" in text

    @pytest.mark.parametrize("figure", ["curves", "timeline"])
    def test_hovering_elsewhere(self, shared: Visit, figure: str) -> None:
        assert "#" in shared.hover(figure, "pruned", 1 if figure == "timeline" else 0)

    def test_a_click_copies_the_id(self, shared: Visit) -> None:
        shared.hover("front", "front")
        shared.page.mouse.click(*shared.point("front", "front", 0))
        shared.page.wait_for_selector("#toast.shown")
        assert shared.page.text_content("#toast") == f"Copied {first_dot()['arch_id']}"
        assert shared.js("() => navigator.clipboard.readText()") == first_dot()["arch_id"]

    def test_the_table_gives_ids_to_the_keyboard(self, shared: Visit) -> None:
        button = shared.page.locator("button.id").last
        button.focus()
        shared.page.keyboard.press("Enter")
        copied = "id => document.querySelector('#toast').textContent === 'Copied ' + id"
        shared.page.wait_for_function(copied, arg=button.text_content())

    @pytest.mark.parametrize("place", range(10))
    def test_the_table_sorts(self, shared: Visit, place: int) -> None:
        values = f"() => [...document.querySelectorAll('#table tbody tr')].map(r => r.cells[{place}].dataset.value)"
        button = shared.page.locator("#table button.sort").nth(place)
        number = "number" in shared.js(f"() => document.querySelectorAll('#table th')[{place}].className")

        def key(value: str) -> Any:
            return float(value) if number else value

        button.click()
        up = [key(value) for value in shared.js(values)]
        assert up == sorted(up)
        button.press("Enter")  # with the keyboard too
        down = [key(value) for value in shared.js(values)]
        assert down == sorted(up, reverse=True)
        marked = shared.js("() => [...document.querySelectorAll('#table th')].map(th => th.getAttribute('aria-sort'))")
        assert marked[place] == "descending"
        assert marked.count("none") == 9

    def test_the_theme(self, browser: Any, small_page: Path) -> None:
        visit = Visit(browser, small_page)
        colours = """() => [getComputedStyle(document.body).backgroundColor,
                           document.querySelector('#front .plot')._fullLayout.font.color]"""
        light, dark = ["rgb(244, 245, 248)", "#1d2330"], ["rgb(18, 21, 27)", "#e6e9ef"]
        assert visit.js(colours) == light
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_function(f"() => ({colours})()[1] === '{dark[1]}'")
        assert visit.js(colours) == dark
        visit.page.click("#theme")
        assert visit.js(colours) == light
        visit.page.reload()
        visit.page.wait_for_selector("html[data-ready=true]")
        assert visit.js(colours) == light  # it is remembered
        visit.page.click("#theme")
        assert visit.js(colours) == dark
        assert visit.complaints == []
        visit.context.close()

    def test_nothing_is_wider_than_a_phone(self, browser: Any, page_path: Path) -> None:
        visit = Visit(browser, page_path, **PHONE)
        assert visit.js("() => document.documentElement.scrollWidth") == 375
        outside = visit.js(
            """() => [...document.querySelectorAll("body *")].filter(one =>
                !one.closest(".scroll") && one.getBoundingClientRect().right > 375.5 && one.offsetParent
            ).map(one => one.outerHTML.slice(0, 80))"""
        )
        assert outside == []
        drawn = visit.js("() => [...document.querySelectorAll('.plot')].map(plot => plot.dataset.figure)")
        assert len(drawn) > 8
        for name in set(drawn) - {"parallel"}:  # which scrolls in its frame
            assert visit.js(f"() => document.querySelector('#{name} .main-svg').getBoundingClientRect().right") <= 375
        assert visit.complaints == []
        visit.context.close()

    def test_attacks_do_nothing(self, browser: Any, folder: Path) -> None:
        visit = Visit(browser, report(hostile_run(), folder / "hostile.html"))
        for figure, trace in (("front", "front"), ("curves", "front"), ("timeline", "complete")):
            visit.hover(figure, trace, 1 if figure == "timeline" else 0)
        for summary in visit.page.locator("summary").all():
            summary.click()
        assert visit.js("() => [window.hacked === undefined, document.images.length]") == [True, 0]
        assert visit.js("() => document.querySelectorAll('svg[onload], [onerror]').length") == 0
        assert visit.page.text_content("h1") == f"{HOSTILE}{BLOCKS}"
        assert HOSTILE in visit.page.text_content("#failures")
        assert "<svg onload=" in visit.page.text_content("pre")
        visit.page.set_viewport_size({"width": 375, "height": 700})  # long words break
        assert visit.js("() => document.documentElement.scrollWidth") == 375
        assert visit.complaints == []
        assert len(visit.requests) == 1
        visit.context.close()

    def test_a_run_without_trials(self, browser: Any, folder: Path) -> None:
        visit = Visit(browser, report(empty_run(), folder / "empty.html"))
        text = visit.page.text_content("main")
        assert visit.page.locator(".plot").count() == 0
        assert "No trial is complete yet." in text
        assert "No trial has failed." in text
        assert visit.complaints == []
        self.check_policy(visit)
        visit.context.close()

    def check_policy(self, visit: Visit) -> None:
        """Scripts that are not ours do not run, and nothing can be fetched, should an attack ever get in."""
        visit.js(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.hacked = 1";
                document.body.append(script);
                fetch("https://example.invalid/").catch(() => {});
            }"""
        )
        assert visit.js("() => window.hacked") is None
        assert any("Executing inline script violates" in complaint for complaint in visit.complaints)
        assert any("Connecting to 'https://example.invalid/' violates" in complaint for complaint in visit.complaints)
        assert len(visit.requests) == 1
