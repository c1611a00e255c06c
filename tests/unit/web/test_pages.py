"""The pages say what the ledgers hold, ask for nothing by themselves, and name nobody."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from ctsma_node.commands import Action, Command, CommandFolder
from ctsma_node.config import OBJECT_KINDS, Settings
from ctsma_node.config.settings import NodeSettings, TlsSettings
from ctsma_node.records import DeliveryState, SeriesState
from ctsma_node.report import ReportObject
from ctsma_node.web import words
from ctsma_node.web.app import make_app
from ctsma_node.web.pictures import DRAWN
from ctsma_node.web.tokens import Token
from tests.unit.web.conftest import TOKEN, Served, serving
from tests.unit.web.planted import CANARY, Planted, plant_queue

PAGES = ("/", "/?state=failed", "/destinations", "/node", "/health", "/metrics", "/nowhere")


def text_of(html: str) -> str:
    """What a reader sees, spaces made single."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_queue_shows_every_case_with_its_state_and_reason(served: Served) -> None:
    page = served.get("/")
    assert page.status == 200
    shown = text_of(page.text)
    for case in served.cases.values():
        assert f"Case {case.id} {case.state}" in shown
    assert "too_few_slices The series has 12 slices" in shown
    assert "SCANNER" in shown
    assert "receiving 13.5 s stable 2.5 s accepted 2.5 s analysed 1.5 s" in shown


def test_the_queue_is_filtered_and_paged(served: Served) -> None:
    shown = text_of(served.get("/?state=failed").text)
    assert f"Case {served.cases['failed'].id} failed" in shown
    assert f"Case {served.cases['refused'].id} " not in shown
    assert text_of(served.get("/?before=2").text).count("Case 1 delivered") == 1
    assert "Case 3 " not in text_of(served.get("/?before=2").text)


def test_the_queue_comes_anew_only_where_that_was_asked_for(served: Served) -> None:
    assert "refresh" not in served.get("/").headers
    assert served.get("/?refresh=10").headers["refresh"] == "10"
    assert "refresh" not in served.get("/?refresh=1").headers


def test_a_case_tells_its_whole_story(served: Served) -> None:
    case = served.cases["delivered"]
    shown = text_of(served.get(f"/cases/{case.id}").text)
    for expected in (
        *(case.series_uid, case.study_uid, "find knees 0.40 s", "segment bones 1.3 s"),
        *("archive 95 delivered", "pacs 1 delivered", "claimed, attempt 1"),
        *(
            "Parametric map, BV/TV, left knee",
            "Parametric map, Tb.N, left knee",
            "Picture, left knee",
            "Complete by its geometry",
        ),
    ):
        assert expected in shown, expected


def test_pictures_and_maps_are_drawn_from_the_objects(served: Served) -> None:
    case = served.cases["delivered"]
    paths = re.findall(r'<img src="([^"]+)"', served.get(f"/cases/{case.id}").text)
    assert len(paths) == 5  # four maps and the picture
    for path in paths:
        answer = served.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        rgb = np.asarray(Image.open(BytesIO(answer.body)).convert("RGB"), dtype=int)
        grey = (rgb.max(axis=2) - rgb.min(axis=2)) < 12
        assert 0.05 < (~grey).mean() < 0.9, path  # colour of values
        assert (grey & (rgb.max(axis=2) > 40)).mean() > 0.02, path  # and the CT beside it


@pytest.mark.parametrize("content", [b"", bytes(1000), bytes(128) + b"DICM\x02\x00", None])
def test_a_damaged_object_leaves_the_page_of_its_case(
    tmp_path: Path, objects: tuple[ReportObject, ...], content: bytes | None
) -> None:
    planted = Planted(tmp_path)
    cases = plant_queue(planted, objects)
    case = cases["delivered"]
    number, drawn = next(
        (n, each) for n, each in enumerate(planted.cases.results(case.id)) if each.sop_class_uid in DRAWN
    )
    path = planted.settings.outbox_dir / drawn.path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3] if content is None else content)
    with serving(make_app(planted.settings, Token(TOKEN), clock=planted.clock)) as port:
        page = Served(planted, cases, port)
        assert page.get(f"/cases/{case.id}").status == 200
        assert page.get(f"/cases/{case.id}/pictures/{number}.png").status == 404
    planted.close()


NOT_THERE = (
    *("/cases/77", "/cases/1/pictures/0.png", "/cases/1/pictures/900.png", "/nowhere"),
    *(f"/cases/{'9' * n}" for n in (19, 30, 5000)),
    *(f"/?before={'9' * n}" for n in (19, 30, 5000)),
    f"/cases/1/pictures/{'9' * 5000}.png",
)


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there_is_said(served: Served, path: str) -> None:
    answer = served.get(path)
    assert answer.status == 404
    assert "That did not work" in answer.text


def test_destinations_and_node(served: Served) -> None:
    shown = text_of(served.get("/destinations").text)
    assert "archive ARCHIVE 192.0.2.11:104 ok 95 delivered" in shown
    shown = text_of(served.get("/node").text)
    for expected in ("receive ok", "analyse ok", "deliver ok", "ab" * 32, "unreadable_dataset 1", "SCANNER"):
        assert expected in shown, expected


@pytest.mark.parametrize(
    ("tls", "shown"),
    [
        (TlsSettings(), "127.0.0.1:104"),
        (TlsSettings(certificate="c", key="k", ca="a"), "127.0.0.1:2762 over TLS"),
        (
            TlsSettings(certificate="c", key="k", ca="a", required=False),
            "127.0.0.1:2762 over TLS, 127.0.0.1:104",
        ),
    ],
)
def test_the_ports_that_are_open_are_shown(tmp_path: Path, tls: TlsSettings, shown: str) -> None:
    settings = Settings(node=NodeSettings(port=104, state_dir=tmp_path), tls=tls)
    with serving(make_app(settings, Token(TOKEN))) as port, urlopen(f"http://127.0.0.1:{port}/node") as page:
        said = text_of(page.read().decode())
    assert f"Listens on {shown} Free on the disk" in said


def test_a_paused_destination_is_shown(served: Served) -> None:
    served.planted.cases.pause("archive")
    try:
        assert "archive ARCHIVE 192.0.2.11:104 paused for" in text_of(served.get("/destinations").text)
        assert "archive has been paused for 0 min" in text_of(served.get("/").text)
        assert "destination_paused" in served.get("/health").text
    finally:
        served.planted.cases.resume("archive")


def test_nobody_is_named_anywhere(served: Served) -> None:
    pages = [*PAGES, *(f"/cases/{case.id}" for case in served.cases.values())]
    for path in pages:
        assert CANARY.encode() not in served.get(path).body, path
        assert b"Canary" not in served.get(path).body, path


def test_nothing_that_is_fetched_asks_for_anything(served: Served) -> None:
    for path in (*PAGES, *(f"/cases/{case.id}" for case in served.cases.values())):
        served.get(path)
    case = served.cases["failed"]
    assert served.get(f"/cases/{case.id}/requeue?token={TOKEN}&seen=1").status == 405
    assert CommandFolder(served.planted.settings.commands_dir).waiting() == []


def test_what_is_asked_waits_for_the_worker(served: Served) -> None:
    folder = CommandFolder(served.planted.settings.commands_dir)
    case = served.cases["failed"]
    seen = served.planted.cases.events(case.id)[-1].id
    answer = served.post(f"/cases/{case.id}/requeue", f"token={TOKEN}&seen={seen}")
    assert (answer.status, answer.headers["location"]) == (303, f"/cases/{case.id}")
    command = Command(case.id, seen, Action.REQUEUE)
    assert folder.waiting() == [command]
    assert "Asked for: requeue" in served.get(f"/cases/{case.id}").text
    folder.remove(command)


def test_only_what_can_be_asked_is_offered(served: Served) -> None:
    offered = {
        name: set(re.findall(r'formaction="/cases/\d+/(\w+)"', served.get(f"/cases/{case.id}").text))
        for name, case in served.cases.items()
    }
    assert offered == {
        "delivered": {"resend"},
        "refused": {"requeue"},
        "failed": {"requeue"},
        "waiting": {"cancel"},
        "running": {"cancel"},
        "receiving": set(),
    }


def test_every_state_has_its_words() -> None:
    assert set(words.STATES) == set(SeriesState)
    assert set(words.DELIVERIES) == set(DeliveryState)
    assert set(words.KINDS) >= set(OBJECT_KINDS)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.00 s"), (0.417, "0.42 s"), (2.54, "2.5 s"), (59.94, "59.9 s"), (65, "1 min 5 s"),
     (3700, "1 h 1 min"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert words.span(seconds) == said
