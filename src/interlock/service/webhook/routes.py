"""``POST /webhook``: takes an alert, or says in one sentence why not."""

from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse

from interlock.service.doors import Access, Door
from interlock.service.webhook.desk import Desk

ACCESS: Final = Access(own="the sender knows the webhook's secret, or is this machine's own user")


def add_webhook_routes(door: Door, desk: Desk) -> None:
    """Let alerts in.

    Args:
        door: Gets the routes.
        desk: Judges and keeps what comes.
    """
    described: dict[str, Any] = {"response_class": JSONResponse, "summary": "Send an alert"}

    @door.route("POST", "/webhook", ACCESS, **described)
    async def webhook(request: Request) -> JSONResponse:
        """Take an alert; the secret is in its body, in a signature, or not needed."""
        return JSONResponse(await desk.receive(request))

    @door.route("POST", "/webhook/{token}", ACCESS, **described)
    async def webhook_with_token(request: Request) -> JSONResponse:
        """Take an alert of a sender that has the secret in its address."""
        return JSONResponse(await desk.receive(request, token=request.path_params["token"]))
