"""Who is signed in to the pages: a short-lived signed token in a cookie, never the key itself.

The signing secret lives in this process's memory: a restart signs everybody out, and so does signing out for a token.
What a token may do is asked of the key it was made from at each request, so that a revoked key ends its sessions.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

from serving.store.api_keys import Caller, active_caller
from serving.store.store import Store

SECONDS = 3_600
"""How long one is signed in."""
SCOPE = "investigate"
"""The one scope of a session, whatever its key may do besides."""


@dataclass(frozen=True)
class BrowserSession:
    """One sign-in: its id, and the key it was made with."""

    id: str
    key: str


class BrowserSessions:
    """Begins, reads and ends sessions, and signs the forms of pages."""

    def __init__(self) -> None:
        secret = secrets.token_bytes(32)
        self._tokens = URLSafeTimedSerializer(secret, salt="session")
        self._forms = URLSafeTimedSerializer(secret, salt="form")
        self._ended: dict[str, float] = {}

    def begin(self, caller: Caller) -> str:
        """The token of a new session."""
        return str(self._tokens.dumps([secrets.token_hex(16), caller.id]))

    def read(self, token: str) -> BrowserSession | None:
        """The session of a token; None when it is not ours, has expired, or was ended."""
        try:
            id, key = self._tokens.loads(token, max_age=SECONDS)
        except BadData:
            return None
        return None if id in self._ended else BrowserSession(id, key)

    def end(self, session: BrowserSession) -> None:
        """Refuse the session's token from now on."""
        now = time.monotonic()
        self._ended = {id: at for id, at in self._ended.items() if now - at < SECONDS} | {session.id: now}

    def form_token(self, session_id: str) -> str:
        """What a form of this session carries, and no other site can know."""
        return str(self._forms.dumps(session_id))

    def signed_form(self, token: str, session_id: str) -> bool:
        """Whether a form's token was made for this session."""
        try:
            return bool(self._forms.loads(token, max_age=SECONDS) == session_id)
        except BadData:
            return False


def session_caller(store: Store, session: BrowserSession) -> Caller | None:
    """The caller of a session, with its one scope; None once the key was revoked. Raises StoreUnavailable."""
    caller = active_caller(store, session.key)
    return None if caller is None else Caller(caller.id, caller.scopes & {SCOPE})
