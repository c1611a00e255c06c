"""/health and /metrics, for programs that watch the node."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ctsma_node.config.settings import Settings
from ctsma_node.web.health import Level, described, judged
from ctsma_node.web.metrics import NodeMetrics
from ctsma_node.web.observe import Observer


class Monitors:
    """What is told to monitors of one node."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer
        self._registry = CollectorRegistry()
        self._registry.register(NodeMetrics(settings, observer))

    def health(self, request: Request) -> Response:
        """200 while the node can receive, analyse and deliver, else 503; the reasons either way."""
        health = judged(self._observer, self._settings)
        return JSONResponse(described(health), 503 if health.level is Level.DOWN else 200)

    def live(self, request: Request) -> Response:
        """This process answers; nothing about the others."""
        return JSONResponse({"status": "ok"})

    def metrics(self, request: Request) -> Response:
        """Prometheus' text format, or OpenMetrics where it is asked for."""
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # a version that is no number: the library compares it with one
            encode, content_type = choose_encoder("")
        return Response(encode(self._registry), headers={"Content-Type": content_type})
