"""What a person may ask of a case by the page.

It comes by POST with the token in the form itself. The browser keeps no session, so no other site's page can
use one (CSRF); where the browser says which page a form comes from, it must be this one.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from ctsma_node import log
from ctsma_node.commands import Action, Command, CommandFolder
from ctsma_node.config.settings import Settings
from ctsma_node.web.pages import Pages
from ctsma_node.web.tokens import Token

_MOST_FIELDS = 8

_ELSEWHERE = (
    "This form came from another address than the page's; nothing was asked for. "
    "A proxy in front must pass Host as the browser sends it."
)


class Asking:
    """Takes what is asked for and leaves it for the worker."""

    def __init__(self, settings: Settings, acting: Token, pages: Pages) -> None:
        self._acting = acting
        self._pages = pages
        self._commands = CommandFolder(settings.commands_dir)

    async def requeue(self, request: Request) -> Response:
        """Ask for a case to be tried again."""
        return await self._ask(request, Action.REQUEUE)

    async def resend(self, request: Request) -> Response:
        """Ask for a case's results to be sent again, to every destination."""
        return await self._ask(request, Action.RESEND)

    async def cancel(self, request: Request) -> Response:
        """Ask for a case to be let go of."""
        return await self._ask(request, Action.CANCEL)

    async def _ask(self, request: Request, action: Action) -> Response:
        try:
            fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=_MOST_FIELDS)
        except (ValueError, ClientDisconnect):  # or it did not come whole, and nobody hears this
            raise HTTPException(400, "The form cannot be read.") from None
        return await run_in_threadpool(self._answer, request, action, fields)

    def _answer(self, request: Request, action: Action, fields: dict[str, list[str]]) -> Response:
        case_id = request.path_params["case"]
        offered, seen = fields.get("token", [""])[0].strip(), fields.get("seen", [""])[0]
        if not _is_own(request):
            return self._denied(case_id, action, _ELSEWHERE)
        if not self._acting.is_same(offered):
            return self._denied(case_id, action, "That is not the token; nothing was asked for.")
        if not seen.isdecimal():
            raise HTTPException(400, "The form is not complete.")
        self._commands.post(Command(case_id, int(seen), action))
        log.logger.info("command.asked", case=case_id, code=action)
        return RedirectResponse(f"/cases/{case_id}", 303)

    def _denied(self, case_id: int, action: Action, why: str) -> Response:
        log.logger.warning("command.denied", case=case_id, code=action, reason=why)
        return self._pages.case_page(case_id, why, 403)


def _is_own(request: Request) -> bool:
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:  # such as http://[bad
        return False
