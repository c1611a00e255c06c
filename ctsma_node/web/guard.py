"""What every request passes before it is looked at, and what every answer bears.

Host is checked against DNS rebinding: a page elsewhere can point a name of its own at this address, but
cannot make a browser send another Host. An address as the Host is no name and cannot be pointed anywhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ctsma_node.web.tokens import Token

LARGEST_BODY = 4096

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer. No script runs on the page, and nothing of it stays in a cache."""

UNGUARDED = "/health/live"
"""The one path that needs no token for reading: it says only that this process answers."""


class Guard:
    """Middleware: host names, the token for reading, the size of a body, and the headers of answers."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], reading: Token | None) -> None:
        self.app = app
        self._hosts = {host.lower().rstrip(".") for host in hosts} | {"localhost"}
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope), scope["path"])
        await (refusal or self.app)(scope, receive, _with_headers(send))

    def _refusal(self, headers: Headers, path: str) -> Response | None:
        if not self._knows(headers.get("host", "")):
            return PlainTextResponse(
                "This node is not known by that name: [web] hosts lists its names.\n", 421
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY or "transfer-encoding" in headers:
            return PlainTextResponse("Too much.\n", 413)
        if self._reading is None or path == UNGUARDED:
            return None
        if self._reading.is_in(headers.get("authorization", "")):
            return None
        asked = {"WWW-Authenticate": 'Basic realm="ctsma-node", charset="UTF-8"'}
        return PlainTextResponse("The token for reading is wanted.\n", 401, asked)

    def _knows(self, host: str) -> bool:
        bracketed = host.startswith("[") and "]" in host
        name = host[1 : host.index("]")] if bracketed else host.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower().rstrip(".") in self._hosts
        return True


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sender
