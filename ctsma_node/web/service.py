"""The page as a process of its own."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from ctsma_node import log
from ctsma_node.config.settings import Settings, WebSettings
from ctsma_node.spool import make_private
from ctsma_node.web.app import make_app
from ctsma_node.web.tokens import acting_token, read_token

_CONNECTIONS = 64
_IDLE_S = 5


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
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_S,
        )
    )


def listen(web: WebSettings) -> socket.socket:
    """The socket that is served. Raises OSError where the port is taken or the address is another's."""
    family, *_, address = socket.getaddrinfo(web.bind, web.port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address, family=family)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises OSError where the port is taken, and SettingsError where a token is not as it should be.
    """
    web = settings.web
    make_private(settings.node.state_dir)
    reading = read_token(Path(web.read_token_file)) if web.read_token_file else None
    app = make_app(settings, acting_token(settings.web_token_path), reading)
    server, listening = make_server(app, web), listen(web)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn hears them, and raises them anew when it has ended
    log.logger.info("web.serving", address=web.bind, port=listening.getsockname()[1])
    server.run([listening])
    log.logger.info("web.stopped")
