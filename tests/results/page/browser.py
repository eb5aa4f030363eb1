"""A real browser for pages that were written to files; skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sync_api: Any = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}


@contextmanager
def opened_browser() -> Iterator[Any]:
    """Headless Chromium of this machine; its driver runs until the block ends."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Visit:
    """A page that was opened, and everything it complained of or asked for meanwhile."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**{**DESKTOP, **options})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.absolute().as_uri())
        self.page.wait_for_selector("html[data-ready=true]", timeout=60_000)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def js(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(expression, argument)

    def point(self, figure: str, trace: str, number: int) -> tuple[float, float]:
        """Where on the screen a point of a figure is; the figure is scrolled into view."""
        self.page.locator(f"#{figure}").scroll_into_view_if_needed()
        x, y = self.js(
            """([figure, name, number]) => {
                const plot = document.querySelector(`#${figure} .plot`);
                const trace = plot._fullData.find(one => one.name === name);
                const box = plot.getBoundingClientRect(), layout = plot._fullLayout;
                const x = trace.xaxis === "x2" ? layout.xaxis2 : layout.xaxis;
                return [box.left + layout._size.l + x.d2p(trace.x[number]),
                        box.top + layout._size.t + layout.yaxis.d2p(trace.y[number])];
            }""",
            [figure, trace, number],
        )
        return float(x), float(y)

    def hover(self, figure: str, trace: str, number: int = 0) -> str:
        """The text that appears at a point."""
        x, y = self.point(figure, trace, number)
        shown = f"#{figure} .hoverlayer .hovertext"
        self.page.mouse.move(0, 0)
        self.page.wait_for_selector(shown, state="detached", timeout=60_000)
        self.page.mouse.move(x, y)  # at once, because points on the way have texts, too
        label = self.page.wait_for_selector(shown, timeout=60_000)
        return str(label.text_content())
