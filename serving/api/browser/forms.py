"""Whether a form was sent from our own page: by its token, and by what the browser says of its origin.

This defends a signed-in investigator against other sites. A key in the Authorization header needs no token: no other
site can make a browser send it.
"""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request

from serving.api.authentication import current_request
from serving.api.browser.sessions import BrowserSessions
from serving.api.problems import Problem
from serving.contracts.requests import SignOutForm

FIELD = "form_token"
"""The hidden field of every form that changes something."""
Form = TypeVar("Form", bound=SignOutForm)
MOST_FIELDS = 10
_OWN = frozenset({"same-origin", "none"})


async def own_form(request: Request, model: type[Form], sign_in_id: str | None = None) -> Form:
    """A form from our own page. Raises Problem 403 for another site's form, and 400 for fields that are not its own.

    `sign_in_id` is what the sign-in form was made for, as nobody is signed in yet.
    """
    require_own_origin(request)
    sent = await request.form(max_fields=MOST_FIELDS)
    if len(sent) != len(sent.multi_items()):
        raise Problem(400, "body: a field is given twice", (("body", "a field is given twice"),))
    form = model.model_validate({name: value for name, value in sent.items() if value != "" or name == FIELD})
    session = current_request.get().session
    session_id = session.id if session else sign_in_id
    if session_id is None and current_request.get().caller.scopes:
        return form
    sessions: BrowserSessions = request.app.state.sessions
    if session_id is None or not sessions.signed_form(form.form_token, session_id):
        raise Problem(403, "This form has expired or is another site's: open the page again and send it from there.")
    return form


def require_own_origin(request: Request) -> None:
    """Raises Problem 403 when the browser says that another site sent the request."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = origin is not None and _host_of(origin) != request.headers.get("host", "").lower()
    if foreign or (site is not None and site not in _OWN):
        raise Problem(403, "This form was sent from another site.")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
