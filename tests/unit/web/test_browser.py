"""The pages in Chromium: seen without scripts, judged by axe, walked by keyboard, their contrast computed.

Screenshots of each page, light and dark, are left in the folder that CTSMA_SCREENSHOTS names, if any.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ctsma_node.commands import Action, CommandFolder
from tests.conftest import RequireTool
from tests.unit.web.browser import chromium
from tests.unit.web.conftest import TOKEN, Served

SCHEMES = ("light", "dark")
NAMES = ("queue", "case", "failed", "destinations", "node", "problem")
TIMEOUT_MS = 120_000  # a busy machine starts a renderer slowly

CONTRASTS = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility()) continue;
    const ink = light(channels(getComputedStyle(element).color));
    const pair = [ink, light(ground(element))].sort((a, b) => b - a);
    found.push([text.slice(0, 40), (pair[0] + 0.05) / (pair[1] + 0.05)]);
  }
  return found;
}"""
"""WCAG 2.2's contrast ratio of every visible text with the ground it stands on."""


@pytest.fixture(scope="module")
def browser(require_tool: RequireTool) -> Iterator[Browser]:
    with chromium(require_tool("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def paths(served: Served) -> dict[str, str]:
    delivered, failed = served.cases["delivered"].id, served.cases["failed"].id
    cases = {"case": f"/cases/{delivered}", "failed": f"/cases/{failed}"}
    return {"queue": "/", **cases, "destinations": "/destinations", "node": "/node", "problem": "/nowhere"}


def opened(
    browser: Browser, url: str, scheme: Any = "light", width: int = 1280, scripts: bool = False
) -> Page:
    """A page in a context of its own; the node's pages have no scripts, so none may be needed."""
    viewport: Any = {"width": width, "height": 800}
    context = browser.new_context(java_script_enabled=scripts, color_scheme=scheme, viewport=viewport)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto(url)
    return page


@pytest.fixture(scope="module", params=product(NAMES, SCHEMES), ids="-".join)
def shown(
    request: pytest.FixtureRequest, browser: Browser, served: Served, paths: dict[str, str]
) -> Iterator[tuple[str, Page]]:
    """Each page, light and dark, with its name; scripts are on for those who judge it."""
    name, scheme = request.param
    page = opened(browser, served.url + paths[name], scheme, scripts=True)
    yield f"{name}-{scheme}", page
    page.context.close()


def test_axe_finds_nothing(shown: tuple[str, Page]) -> None:
    found = Axe().run(shown[1]).response["violations"]
    assert [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in found] == []


def test_every_text_can_be_told_from_its_ground(shown: tuple[str, Page]) -> None:
    contrasts = shown[1].evaluate(CONTRASTS)
    assert len(contrasts) > 8
    assert [(text, round(ratio, 2)) for text, ratio in contrasts if ratio < 4.5] == []


def test_the_whole_page_is_drawn(shown: tuple[str, Page], tmp_path: Path) -> None:
    name, page = shown
    folder = Path(os.environ.get("CTSMA_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    for picture in page.locator("img").all():
        picture.scroll_into_view_if_needed()
    assert len(page.screenshot(path=folder / f"{name}.png", full_page=True)) > 10_000


def test_pictures_are_shown(browser: Browser, served: Served, paths: dict[str, str]) -> None:
    page = opened(browser, served.url + paths["case"], scripts=True)
    for picture in page.locator("img").all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
        assert picture.evaluate("picture => picture.naturalWidth") >= 480
        assert picture.get_attribute("alt")
    page.context.close()


def test_a_narrow_window_scrolls_tables_and_nothing_else(
    browser: Browser, served: Served, paths: dict[str, str]
) -> None:
    for path in paths.values():
        page = opened(browser, served.url + path, width=360, scripts=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        page.context.close()


def test_narrow_tables_fit_a_telephone(browser: Browser, served: Served, paths: dict[str, str]) -> None:
    page = opened(browser, served.url + paths["node"], width=360, scripts=True)
    widths = page.eval_on_selector_all("table.narrow", "all => all.map(each => each.scrollWidth)")
    assert widths
    assert max(widths) <= 360
    page.context.close()


def test_a_long_name_breaks(browser: Browser, served: Served, paths: dict[str, str]) -> None:
    page = opened(browser, served.url + paths["destinations"], width=360, scripts=True)
    width = page.locator("tbody th").first.evaluate(
        "name => { name.textContent = 'm'.repeat(63); return name.offsetWidth; }"
    )
    assert 80 <= width <= 180
    page.context.close()


def test_the_first_key_leads_past_the_navigation(browser: Browser, served: Served) -> None:
    page = opened(browser, served.url, scripts=True)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.context.close()


def test_a_case_is_requeued_by_keyboard_without_scripts(
    browser: Browser, served: Served, paths: dict[str, str]
) -> None:
    folder = CommandFolder(served.planted.settings.commands_dir)
    page = opened(browser, served.url + paths["failed"])
    page.get_by_label("Token").focus()
    page.keyboard.type("not the token")
    page.keyboard.press("Enter")
    assert "nothing was asked for" in page.get_by_role("alert").inner_text()
    assert folder.waiting() == []
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "Asked for: requeue" in page.get_by_role("status").inner_text()
    (command,) = folder.waiting()
    assert (command.action, command.case_id) == (Action.REQUEUE, served.cases["failed"].id)
    folder.remove(command)
    page.context.close()
