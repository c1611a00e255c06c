"""The pages for people. They read, and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ctsma_node import __version__
from ctsma_node.commands import CommandFolder
from ctsma_node.config.settings import Settings
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.records import SeriesState
from ctsma_node.web import views
from ctsma_node.web.health import Part, judge, judged
from ctsma_node.web.observe import Observer
from ctsma_node.web.pictures import UNREADABLE, thumbnail
from ctsma_node.web.render import Renderer

WIDTHS = {"small": 480, "large": 1912}
"""Pixels across of a thumbnail, and of what opens behind it."""

REFRESHES = ("10", "60")
"""Seconds between refreshes of the queue, for who asks for them; by itself it keeps still (WCAG 2.2.1)."""

DIGITS = 19
"""Of the largest number that a ledger gives; Python reads no number of thousands of them."""

_KEPT = 64
"""Thumbnails kept in memory; the objects they show never change."""


class Pages:
    """The pages of one node."""

    def __init__(
        self, settings: Settings, observer: Observer, renderer: Renderer, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._observer = observer
        self._cases = observer.ledger
        self._render = renderer.page
        self._clock = clock
        self._commands = CommandFolder(settings.commands_dir)
        self._thumbnail = lru_cache(_KEPT)(self._draw)

    def queue(self, request: Request) -> Response:
        """Every case, latest first."""
        asked = request.query_params
        named, before, every = asked.get("state"), asked.get("before", ""), asked.get("refresh")
        state = SeriesState(named) if named in set(SeriesState) else None
        shown = views.queue(self._cases, self._clock(), state, _number(before))
        answer = self._render(
            "queue.html",
            health=judged(self._observer, self._settings),
            queue=shown,
            counts=self._observer.cases.cases(),
            behind=self._observer.inbox.behind(self._cases.cursor()),
            refresh=every if every in REFRESHES else None,
            refreshes=REFRESHES,
        )
        if every in REFRESHES:
            answer.headers["Refresh"] = every
        return answer

    def case(self, request: Request) -> Response:
        """One case."""
        return self.case_page(request.path_params["case"])

    def case_page(self, case_id: int, problem: str = "", status: int = 200) -> Response:
        """One case, with what went wrong when something was asked of it."""
        try:
            shown = views.case_page(
                self._cases, self._observer.instances, self._settings.outbox_dir, case_id, self._clock()
            )
        except LedgerError:
            raise HTTPException(404, f"There is no case {case_id}.") from None
        asked = [each.action for each in self._commands.waiting() if each.case_id == case_id]
        return self._render("case.html", status, page=shown, problem=problem, asked=asked)

    def picture(self, request: Request) -> Response:
        """A thumbnail of an object of a case, by its number."""
        case_id, number = request.path_params["case"], request.path_params["number"]
        width = WIDTHS["large" if request.query_params.get("size") == "large" else "small"]
        try:
            drawn = self._thumbnail(case_id, self._cases.results(case_id)[number].sop_instance_uid, width)
        except UNREADABLE:
            raise HTTPException(
                404, "Nothing can be drawn of this object: its file is gone or damaged."
            ) from None
        return Response(drawn, media_type="image/png")

    def _draw(self, case_id: int, sop_instance_uid: str, width: int) -> bytes:
        folder = self._settings.outbox_dir
        paths = {each.sop_instance_uid: folder / each.path for each in self._cases.results(case_id)}
        return thumbnail(paths[sop_instance_uid], width, paths.get)

    def destinations(self, request: Request) -> Response:
        """How the destinations do."""
        counts = self._observer.cases.deliveries()
        rows = views.destinations(self._settings, self._observer.look(), counts)
        return self._render(
            "destinations.html", rows=rows, failing_s=self._settings.web.destination_failing_s
        )

    def node(self, request: Request) -> Response:
        """The node's own state."""
        seen = self._observer.look()
        return self._render(
            "node.html",
            seen=seen,
            health=judge(seen, self._settings),
            parts_of_node=tuple(Part),
            ports=views.ports(self._settings),
            settings=self._settings,
            quarantined=self._observer.inbox.quarantined(),
            sizes=self._observer.sizes(),
            version=__version__,
        )

    def style(self, request: Request) -> Response:
        """The stylesheet."""
        text = resources.files("ctsma_node.web").joinpath("style.css").read_text(encoding="utf-8")
        return Response(text, media_type="text/css")


def _number(text: str) -> int | None:
    """A case's number, or None where it is none; raises HTTPException where there can be no such case."""
    if not text.isdecimal():
        return None
    if len(text) > DIGITS:
        raise HTTPException(404, "There is no such number.")
    return int(text)
