"""OHIF in a browser: opens a study, shows one of its series, and tells what was drawn where."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as PageTimeout

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    # WebGL without a graphics card
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
_PATIENCE_MS = 240_000
_LOOK_AGAIN_MS = 250
_ASK_AGAIN_MS = 20_000
_SERIES = '[data-cy^="study-browser-thumbnail"]'
_VIEWPORT = "cornerstone.getRenderingEngines().flatMap(engine => engine.getViewports())[0]"
_POINTS = """step => {
    const viewport = VIEWPORT, canvas = viewport.canvas.getBoundingClientRect(), points = [];
    for (let x = step; x < canvas.width; x += step)
        for (let y = step; y < canvas.height; y += step)
            points.push([canvas.left + x, canvas.top + y, ...viewport.canvasToWorld([x, y])]);
    return points;
}""".replace("VIEWPORT", _VIEWPORT)


class Points(NamedTuple):
    """Points of the viewport."""

    pixels: npt.NDArray[np.intp]  # [point, (row, column)] of a screenshot
    world: npt.NDArray[np.float64]  # [point, axis], LPS mm, where cornerstone says that they lie


class Drawn(NamedTuple):
    """What a screenshot shows at points of the viewport."""

    rgb: npt.NDArray[np.float64]  # [point, channel], 0 to 255
    world: npt.NDArray[np.float64]  # [point, axis], LPS mm


class OhifPage:
    """A study in OHIF."""

    def __init__(self, page: Page, shots: Path) -> None:
        self._page, self._shots = page, shots

    def open(self, address: str, study_uid: str) -> None:
        """Open the study in the basic viewer and wait until its first series is drawn."""
        self._page.goto(f"{address}/viewer?StudyInstanceUIDs={study_uid}")
        self._page.get_by_text("Skip all").click(timeout=_PATIENCE_MS)
        self._until(f"{_VIEWPORT}?.viewportStatus === 'rendered' && {_VIEWPORT}.getActors().length > 0")
        self.settled()

    def show(self, description: str) -> None:
        """Double-click a series as a reader does."""
        self._page.locator(_SERIES, has_text=description).dblclick(timeout=_PATIENCE_MS)

    def agree(self) -> None:
        """Answer OHIF's question whether to load what was opened."""
        self._page.get_by_role("button", name="Yes").click(timeout=_PATIENCE_MS)

    def wait_for_overlay(self) -> None:
        """Wait until something lies over the images."""
        self._until(f"{_VIEWPORT}?.viewportStatus === 'rendered' && {_VIEWPORT}.getActors().length > 1")
        self._page.get_by_text("Loading").wait_for(state="hidden", timeout=_PATIENCE_MS)

    def wait_for_modality(self, modality: str) -> None:
        """Wait until the images of a modality are drawn."""
        module = f"cornerstone.metaData.get('generalSeriesModule', {_VIEWPORT}?.getCurrentImageId?.())"
        self._until(f"{module}?.modality === '{modality}' && {_VIEWPORT}.viewportStatus === 'rendered'")

    def annotation(self, beginning: str) -> str:
        """The text of an annotation over the images that begins like this."""
        text = self._page.locator("svg text", has_text=beginning).first
        text.wait_for(timeout=_PATIENCE_MS)
        return text.text_content() or ""

    def go_to(self, index: int) -> None:
        """Scroll to an image; again if need be, since a viewport that still gets its images forgets it."""
        jump = f"cornerstone.utilities.jumpToSlice({_VIEWPORT}.element, {{imageIndex: {index}}})"
        for _ in range(_PATIENCE_MS // _ASK_AGAIN_MS):
            self._page.evaluate(f"() => {{ {jump}; }}")  # its promise is not waited for
            with suppress(PageTimeout):
                self._until(f"{_VIEWPORT}.getSliceIndex() === {index}", _ASK_AGAIN_MS)
                return
        raise AssertionError(f"OHIF does not go to image {index}")

    def points(self, step: int = 4) -> Points:
        """A grid of points over the viewport, `step` pixels apart."""
        found = np.array(self._page.evaluate(_POINTS, step))
        return Points(found[:, [1, 0]].astype(np.intp), found[:, 2:])

    def drawn(self, name: str) -> Drawn:
        """Take a screenshot, keep it under a name, and read it at the points."""
        shot, points = self.settled(), self.points()
        (self._shots / f"ohif-{name}.png").write_bytes(shot)
        rgb = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.float64)
        return Drawn(rgb[tuple(points.pixels.T)], points.world)

    def settled(self) -> bytes:
        """A screenshot that is followed by an equal one."""
        before = b""
        while (now := self._page.screenshot()) != before:
            before = now
        return now

    def _until(self, condition: str, patience: int = _PATIENCE_MS) -> None:
        # By the clock: otherwise frames are waited for, and software may be long in drawing them.
        self._page.wait_for_function(condition, timeout=patience, polling=_LOOK_AGAIN_MS)


@contextmanager
def ohif_page(chromium: Path, shots: Path) -> Iterator[OhifPage]:
    """A browser of its own for each study that is opened."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        try:
            yield OhifPage(browser.new_page(viewport={"width": 1600, "height": 900}), shots)
        finally:
            browser.close()
