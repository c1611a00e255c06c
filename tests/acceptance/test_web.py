"""The page beside the real processes: it follows a series, asks the worker, and tells when one is gone."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import CLI, ROOT, Pacs, Site, send, until
from tests.fixtures.ct_series import StackPlan, single_frames


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    pacs = Pacs()
    made = Site(tmp_path, pacs.port)
    yield made
    made.close()
    pacs.close()


def get(site: Site, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    body = None if form is None else urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.web_port}{path}", body, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def codes(site: Site) -> set[str]:
    return {each["code"] for each in json.loads(get(site, "/health")[1])["reasons"]}


def metric(site: Site, name: str) -> float:
    lines = [line for line in get(site, "/metrics")[1].splitlines() if line.startswith(f"{name} ")]
    return float(lines[0].split()[1]) if lines else 0.0


def test_the_page_follows_the_node_and_asks_it(site: Site) -> None:
    site.start_web()
    assert codes(site) == {"receiver_silent", "worker_silent"}
    site.start_receiver()
    site.start_worker()
    until(lambda: get(site, "/health")[0] == 200, "the node is well")
    send(site.port, single_frames(StackPlan(rows=8, columns=8)))
    until(lambda: metric(site, "ctsma_last_instance_to_delivered_seconds_count") == 1, "delivered")
    assert metric(site, "ctsma_instances_stored_total") == 40
    assert "Picture, left knee" in get(site, "/cases/1")[1]

    site.stop("work")
    until(lambda: codes(site) == {"worker_silent"}, "the page tells that the worker is gone")
    assert get(site, "/health")[0] == 503
    assert get(site, "/cases/1")[0] == 200
    assert site.stop("web") == 0


def test_a_refused_case_is_tried_again_when_asked(site: Site) -> None:
    site.start_receiver()
    site.start_worker()
    site.start_web()
    send(site.port, single_frames(StackPlan(rows=8, columns=8, slices=31))[::2])
    until(lambda: [case["state"] for case in site.cases()] == ["refused"], "refused", 90.0)
    command = [*CLI, "requeue", "1", "--config", str(site.config)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    until(lambda: ended(site) == 2, "refused again")

    page = get(site, "/cases/1")[1]
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    token = (site.folder / "state" / "web.token").read_text().strip()
    status, page = get(site, "/cases/1/requeue", {"token": token, "seen": seen})
    assert status == 200
    until(lambda: ended(site) == 3, "and again")
    assert len(site.cases()) == 1


def ended(site: Site) -> int:
    return len(site.events("case.ended"))
