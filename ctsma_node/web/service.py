"""The page as a process of its own: reads its settings again at SIGHUP, ends at SIGTERM."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from ctsma_node import log
from ctsma_node.config.reload import reloaded
from ctsma_node.config.settings import Settings, WebSettings
from ctsma_node.errors import NodeError
from ctsma_node.spool import make_private
from ctsma_node.web.app import make_app
from ctsma_node.web.certificate import check_certificate
from ctsma_node.web.connections import MOST_WAITING, BoundedConnection
from ctsma_node.web.tokens import acting_token, read_token

FIXED = ("node", "web")
"""Sections that hold from start to end: the folder, and the port with its names, tokens and certificate."""

_USED = (*FIXED, "sources", "destinations", "limits", "log")
_AT_WORK = 64
"""Requests that are answered at once; one more is answered 503."""
_IDLE_S = 5
_DRAIN_S = 5
"""How long answers under way may take when the process stops or reads its settings again."""


def make_server(app: ASGIApp, web: WebSettings) -> uvicorn.Server:
    """The server of an application, not yet started."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            ssl_certfile=web.tls_certificate or None,
            ssl_keyfile=web.tls_key or None,
            log_config=None,  # the node's own: a library says where it spoke, never what
            access_log=False,  # paths and addresses of readers are nobody's business
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            http=BoundedConnection,
            limit_concurrency=MOST_WAITING + _AT_WORK,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )


def listen(web: WebSettings) -> socket.socket:
    """The socket that is served. Raises OSError where the port is taken or the address is another's."""
    family, *_, address = socket.getaddrinfo(web.bind, web.port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address, family=family)


def run(settings: Settings, read_again: Callable[[], Settings] | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    At SIGHUP the answers under way are ended, and another server goes on, at the same socket and with the
    settings that `read_again` gives.
    Raises OSError where the port is taken, and SettingsError where a token or the certificate is not as it
    should be.
    """
    make_private(settings.node.state_dir)
    app, web = _app(settings), settings.web
    listening = listen(web)
    asked = _Asked(make_server(app, web))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked.stop)  # uvicorn hears them, too, and raises them anew when it has ended
    if read_again is not None:
        signal.signal(signal.SIGHUP, asked.reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # and of one that came meanwhile
    log.logger.info("web.serving", address=web.bind, port=listening.getsockname()[1])
    asked.server.run([listening.dup()])
    while not asked.stopping and read_again is not None:
        asked.again = False
        settings, server = _next_server(settings, asked.server, read_again)
        asked.take(server)
        server.run([listening.dup()])
    listening.close()
    log.logger.info("web.stopped")


class _Asked:
    """What signals asked for, and the server that they stop."""

    def __init__(self, server: uvicorn.Server) -> None:
        self.server = server
        self.stopping = self.again = False

    def stop(self, *_: object) -> None:
        self.stopping = True
        self.server.should_exit = True

    def reload(self, *_: object) -> None:
        self.again = True
        self.server.should_exit = True

    def take(self, server: uvicorn.Server) -> None:
        self.server = server
        if self.stopping or self.again:  # asked of the server before
            server.should_exit = True


def _app(settings: Settings) -> ASGIApp:
    web = settings.web
    check_certificate(web)
    reading = read_token(Path(web.read_token_file)) if web.read_token_file else None
    return make_app(settings, acting_token(settings.web_token_path), reading)


def _next_server(
    settings: Settings, before: uvicorn.Server, read_again: Callable[[], Settings]
) -> tuple[Settings, uvicorn.Server]:
    """The settings and the server that go on; a file that cannot be used changes nothing."""
    try:
        found = reloaded(settings, read_again(), FIXED, _USED)
        server = make_server(_app(found.settings), settings.web)
        server.config.load()  # the certificate, too
    except (NodeError, OSError) as error:
        log.logger.error("settings.invalid", reason=str(error))
        return settings, uvicorn.Server(before.config)
    log.configure(found.settings.log.level)
    log.logger.info("settings.reloaded", sections=", ".join(found.taken))
    if found.waiting:
        log.logger.warning("settings.need_restart", sections=", ".join(found.waiting))
    return found.settings, server
