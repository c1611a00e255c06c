"""Pages out of templates; what is written there is escaped, whatever it holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from ctsma_node.records import DeliveryState
from ctsma_node.web import words

_FILTERS = (words.moment, words.machine_moment, words.span, words.amount, words.short, words.kind)


class Renderer:
    """Renders the templates of this package."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("ctsma_node.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {each.__name__: each for each in _FILTERS} | {"dimse": words.status}
        self._templates.globals |= {
            "states": words.STATES,
            "deliveries": words.DELIVERIES,
            "completions": words.COMPLETIONS,
            "DeliveryState": DeliveryState,
            "zone": words.zone,
        }

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """A page; every template knows the present as `now`."""
        text = self._templates.get_template(template).render(now=self._clock(), **values)
        return HTMLResponse(text, status)
