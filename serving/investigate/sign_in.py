"""The page on which an investigator enters a key."""

from __future__ import annotations

from serving.investigate.rendering import render


def sign_in_page(*, failed: bool, form_token: str) -> str:
    """The sign-in form; `failed` after a key that does not work here."""
    return render("sign_in.html", failed=failed, form_token=form_token, signed_in=False)
