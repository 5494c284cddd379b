"""The rows of the route table that are the investigator's pages."""

from __future__ import annotations

from serving.api import examples, pages
from serving.api.route_spec import FORM, HTML, KIB, QueryParameter, RequestBody, ResponseBody, RouteSpec
from serving.contracts import requests

PAGES = "Investigator's pages"
CRITERIA = (
    QueryParameter("identity", "Only decisions about this identity.", "ada"),
    QueryParameter("session", "Only decisions about this session.", "s1"),
    QueryParameter("ruling", "Only this ruling: allow, step_up or deny.", "step_up"),
    QueryParameter(
        "space", "Decisions of a replay, as `replay:` and its namespace; of live requests without it.", "live"
    ),
)
SEE_DECISION = ResponseBody("A redirect to the decision's page.", media_type=None, status=303)

PAGE_ROUTES = (
    RouteSpec(
        "GET",
        "/investigate",
        handler=pages.show_search,
        scope="investigate",
        tag=PAGES,
        summary="Search decisions, as a page",
        description="The session that the sign-in form starts does as well as a key in the header.",
        query=CRITERIA,
        response=ResponseBody("The page.", media_type=HTML),
    ),
    RouteSpec(
        "GET",
        "/investigate/decisions/{id}",
        handler=pages.show_decision,
        scope="investigate",
        tag=PAGES,
        summary="Read one decision, as a page",
        description="The ruling in a sentence, trust, floors, reasons, and a form for a verdict.",
        response=ResponseBody("The page.", media_type=HTML),
        problems=(404,),
    ),
    RouteSpec(
        "POST",
        "/investigate/decisions/{id}/feedback",
        handler=pages.submit_feedback,
        scope="investigate",
        tag=PAGES,
        summary="Submit the verdict form",
        description="What the form on a decision's page sends.",
        request=RequestBody(requests.FeedbackForm, 16 * KIB, examples.FEEDBACK_REQUEST, FORM),
        response=SEE_DECISION,
        problems=(404,),
    ),
    RouteSpec(
        "GET",
        "/investigate/policy",
        handler=pages.show_policy,
        scope="investigate",
        tag=PAGES,
        summary="Read the policy, as a page",
        description="The policy in tables, and the findings about its rules.",
        response=ResponseBody("The page.", media_type=HTML),
    ),
    RouteSpec(
        "GET",
        "/investigate/login",
        handler=pages.show_sign_in,
        scope=None,
        tag=PAGES,
        summary="Open the sign-in form",
        description="Where a browser without a key is sent.",
        response=ResponseBody("The page.", media_type=HTML),
    ),
    RouteSpec(
        "POST",
        "/investigate/login",
        handler=pages.submit_sign_in,
        scope=None,
        tag=PAGES,
        summary="Submit the sign-in form",
        description="Starts an hour of session for a key of scope `investigate`, in a cookie. Another key gets the "
        "form again, with status 403. `form_token` is the hidden field of the form that `GET` shows.",
        request=RequestBody(requests.SignInForm, 16 * KIB, examples.SIGN_IN_FORM, FORM),
        response=ResponseBody("Signed in: a redirect to the search page.", media_type=None, status=303),
        problems=(403, 429),
    ),
    RouteSpec(
        "POST",
        "/investigate/logout",
        handler=pages.sign_out,
        scope="investigate",
        tag=PAGES,
        summary="Sign out",
        description="Ends the session at the server: its cookie is refused from then on.",
        request=RequestBody(requests.SignOutForm, KIB, {"form_token": "…"}, FORM),
        response=ResponseBody("Signed out: a redirect to the sign-in form.", media_type=None, status=303),
    ),
)
