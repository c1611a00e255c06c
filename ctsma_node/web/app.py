"""The routes of the page, /health and /metrics. Nothing that is fetched by GET changes anything."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ctsma_node.config.settings import Settings
from ctsma_node.errors import NodeError
from ctsma_node.web.asking import Asking
from ctsma_node.web.guard import Guard
from ctsma_node.web.monitors import Monitors
from ctsma_node.web.observe import Observer
from ctsma_node.web.pages import DIGITS, Pages
from ctsma_node.web.render import Renderer
from ctsma_node.web.tokens import Token

_FORESEEN = (HTTPException, NodeError, sqlite3.Error, OSError, OverflowError)
"""What is answered with a page that says what is wrong."""


class _Number(IntegerConvertor):
    """The number of a case or an object; a longer one is the path of nothing."""

    regex = f"[0-9]{{1,{DIGITS}}}"


register_url_convertor("number", _Number())


def make_app(
    settings: Settings, acting: Token, reading: Token | None = None, clock: Callable[[], float] = time.time
) -> Guard:
    """The application of one node, guarded; `reading` is the token for reading, where one is wanted."""
    return Guard(make_site(settings, acting, clock), (settings.web.bind, *settings.web.hosts), reading)


def make_site(settings: Settings, acting: Token, clock: Callable[[], float]) -> Starlette:
    """The pages and monitors behind the guard."""
    observer, renderer = Observer(settings, clock), Renderer(clock)
    pages = Pages(settings, observer, renderer, clock)
    asking = Asking(settings, acting, pages)
    monitors = Monitors(settings, observer)

    def problem(request: Request, error: Exception) -> Response:
        status, text = _told(error)
        if request.url.path == "/metrics":
            return PlainTextResponse(f"{text}\n", status)
        return renderer.page("problem.html", status, text=text)

    return Starlette(
        routes=[
            Route("/", pages.queue),
            Route("/cases/{case:number}", pages.case),
            Route("/cases/{case:number}/pictures/{number:number}.png", pages.picture),
            Route("/cases/{case:number}/requeue", asking.requeue, methods=["POST"]),
            Route("/cases/{case:number}/resend", asking.resend, methods=["POST"]),
            Route("/cases/{case:number}/cancel", asking.cancel, methods=["POST"]),
            Route("/destinations", pages.destinations),
            Route("/node", pages.node),
            Route("/health", monitors.health),
            Route("/health/live", monitors.live),
            Route("/metrics", monitors.metrics),
            Route("/style.css", pages.style),
        ],
        exception_handlers=dict.fromkeys(_FORESEEN, problem),
    )


def _told(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, error.detail
    if isinstance(error, NodeError):
        return 503, str(error)
    if isinstance(error, OverflowError):
        return 404, "There is no such number."
    if isinstance(error, OSError):
        return 503, f"The state folder cannot be used ({error.strerror or type(error).__name__})."
    return 503, "A ledger cannot be read at the moment."
