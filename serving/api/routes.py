"""The route table: every route of the service, once.

The server, the scopes, the body limits and the OpenAPI document are made from it. To add a route, write its handler
in a module of this folder and add a row here.
"""

from __future__ import annotations

from serving.api import decisions, documentation, examples, health, reports
from serving.api.browser.routes import CRITERIA, PAGE_ROUTES
from serving.api.route_spec import GZIP, HTML, KIB, MIB, NDJSON, QueryParameter, RequestBody, ResponseBody, RouteSpec
from serving.contracts import requests, responses
from serving.contracts.decision import ScoreResponse
from serving.contracts.log_records import SOURCE_NAMES

DECIDE, REPORT, REVIEW, OPERATE = "Decide", "Report", "Review decisions", "Operate"
DOCUMENTATION = "Documentation"

ROUTES = (
    RouteSpec(
        "POST",
        "/score",
        handler=None,  # SessionTrust.score
        scope="score",
        tag=DECIDE,
        summary="Decide one request",
        description="Rules `allow`, `step_up` or `deny` on one request of a session, and says why. The decision is "
        "recorded before it is answered. The same event of the same caller within five minutes gets the same decision. "
        "Anything but a 200 means deny.",
        request=RequestBody(requests.ScoreRequest, MIB, examples.SCORE_REQUEST),
        response=ResponseBody("The decision.", ScoreResponse, examples.SCORE_RESPONSE),
        problems=(409,),
    ),
    RouteSpec(
        "POST",
        "/events",
        handler=reports.take_events,
        scope="events",
        tag=REPORT,
        summary="Ship log events",
        description="Extends histories by events, in the order they are sent. A record that is not an event is named "
        "in `broken` and skipped: it never fails the others. Events age by when they arrive: one that says it is older "
        "than an hour counts as an hour old, unless the key also has scope `admin` (an operator's import of the past). "
        "A successful sign-in with strong factors from a key of scope `assure` is a proof where it was made. "
        "Takes a JSON array, one record as an object, a log file "
        'as it is (`{"Records": [...]}`), or one record a line (NDJSON); of a source that has them also CSV with a '
        "header and lines of text; each also compressed with gzip. Native records may be wrapped, as EventBridge, "
        "CloudWatch Logs, Kinesis, SQS, Pub/Sub, Elastic and Splunk hand them on.",
        query=(
            QueryParameter("source", "The log source of native records.", "cloudtrail", SOURCE_NAMES),
            QueryParameter(
                "map", "With `source=generic`: a map in the folder `SESSION_TRUST_MAPS`, by its name.", "badge"
            ),
            QueryParameter(
                "importer",
                "The log source of whose records another program made these events, as `consume` does: identities get "
                "their types by its rules.",
                "cloudtrail",
                SOURCE_NAMES,
            ),
        ),
        request=RequestBody(
            requests.ShippedRecords,
            8 * MIB,
            examples.EVENTS_REQUEST,
            also_takes=(NDJSON, "application/ndjson", "text/csv", "text/plain", GZIP, "application/x-gzip"),
            decompressed_limit=reports.DECOMPRESSED_LIMIT,
        ),
        response=ResponseBody("What became of the events.", responses.IngestResponse, examples.EVENTS_RESPONSE),
    ),
    RouteSpec(
        "POST",
        "/step-ups",
        handler=reports.report_step_up,
        scope="assure",
        tag=REPORT,
        summary="Report the result of a challenge",
        description="A completed challenge elevates the session for what it was asked for. The proof must satisfy the "
        "decision, be made after it, and counts once.",
        request=RequestBody(requests.StepUpRequest, MIB, examples.STEP_UP_REQUEST),
        response=ResponseBody("The result was recorded.", responses.StepUpResponse, examples.STEP_UP_RESPONSE),
        problems=(404, 409),
    ),
    RouteSpec(
        "POST",
        "/revocations",
        handler=reports.revoke,
        scope="investigate",
        tag=REPORT,
        summary="Revoke a session or an identity",
        description="Denies every request of a session, or without one of the whole identity, from now on.",
        request=RequestBody(requests.RevocationRequest, MIB, examples.REVOCATION_REQUEST),
        response=ResponseBody("The revocation holds.", responses.RevocationResponse, examples.REVOCATION_RESPONSE),
    ),
    RouteSpec(
        "POST",
        "/revocations/lift",
        handler=reports.lift_revocation,
        scope="admin",
        tag=REPORT,
        summary="Lift a revocation",
        description="Ends the revocation of a session, or without one that of the identity as a whole. Both stay on "
        "record.",
        request=RequestBody(requests.RevocationRequest, MIB, examples.REVOCATION_REQUEST),
        response=ResponseBody("The revocation has ended.", responses.LiftResponse, examples.LIFT_RESPONSE),
        problems=(404,),
    ),
    RouteSpec(
        "GET",
        "/decisions",
        handler=decisions.list_decisions,
        scope="investigate",
        tag=REVIEW,
        summary="Search decisions",
        description="The newest decisions that match every given parameter.",
        query=CRITERIA,
        response=ResponseBody("Decisions, newest first.", responses.DecisionListResponse, examples.DECISION_LIST),
    ),
    RouteSpec(
        "GET",
        "/decisions/{id}",
        handler=decisions.read_decision,
        scope="investigate",
        tag=REVIEW,
        summary="Read one decision",
        description="The decision word for word, with the event and the features it was made from.",
        response=ResponseBody("The record.", responses.DecisionRecordResponse, examples.DECISION_RECORD),
        problems=(404,),
    ),
    RouteSpec(
        "POST",
        "/decisions/{id}/feedback",
        handler=reports.give_feedback,
        scope="investigate",
        tag=REVIEW,
        summary="Give a verdict on a decision",
        description="Says whether the request was malicious or legitimate. Of each investigator the latest counts.",
        request=RequestBody(requests.FeedbackRequest, 16 * KIB, examples.FEEDBACK_REQUEST),
        response=ResponseBody("The verdict was recorded.", responses.FeedbackResponse, examples.FEEDBACK_RESPONSE),
        problems=(404,),
    ),
    RouteSpec(
        "GET",
        "/feedback",
        handler=decisions.export_verdicts,
        scope="investigate",
        tag=REVIEW,
        summary="Export the current verdicts",
        description="One JSON object a line, as `session-trust training labels pull` reads them.",
        response=ResponseBody(
            "Verdicts, oldest first.", responses.ExportedVerdict, examples.VERDICT, "application/x-ndjson"
        ),
    ),
    RouteSpec(
        "GET",
        "/findings",
        handler=decisions.list_findings,
        scope="investigate",
        tag=REVIEW,
        summary="List findings for operators",
        description="Rules that prompt an identity too often, and faults of identities that no proof ends.",
        response=ResponseBody("Findings, newest first.", responses.FindingsResponse, examples.FINDINGS),
    ),
    RouteSpec(
        "GET",
        "/policy",
        handler=health.active_policy,
        scope="investigate",
        tag=OPERATE,
        summary="Read the policy in force",
        description="The policy, its digest, and why a newer file is not in force.",
        response=ResponseBody("The policy.", responses.PolicyResponse, examples.POLICY),
    ),
    RouteSpec(
        "GET",
        "/model",
        handler=health.active_model,
        scope="investigate",
        tag=OPERATE,
        summary="Read which model is in force",
        description="The version and tags of the champion in the registry, or why there is none.",
        response=ResponseBody("The model.", responses.ModelResponse, examples.MODEL),
    ),
    RouteSpec(
        "GET",
        "/metrics",
        handler=health.prometheus,
        scope="admin",
        tag=OPERATE,
        summary="Read metrics",
        description="Metrics of this process in Prometheus's text format.",
        response=ResponseBody("The metrics.", None, examples.METRICS, "text/plain"),
    ),
    RouteSpec(
        "GET",
        "/livez",
        handler=health.liveness,
        scope=None,
        tag=OPERATE,
        summary="Check that the process answers",
        description="For a load balancer or orchestrator.",
        response=ResponseBody("It does.", None, "ok", "text/plain"),
    ),
    RouteSpec(
        "GET",
        "/readyz",
        handler=health.readiness,
        scope=None,
        tag=OPERATE,
        summary="Check that a model is loaded and decisions can be recorded",
        description="Without a model nothing is allowed, and without a writable store nothing is decided, so no "
        "traffic should be sent.",
        response=ResponseBody("The service is ready.", responses.ReadyResponse, examples.READY),
        problems=(503,),
    ),
    *PAGE_ROUTES,
    RouteSpec(
        "GET",
        "/",
        handler=documentation.redirect_to_documentation,
        scope=None,
        tag=DOCUMENTATION,
        summary="Go to the documentation",
        description="For a browser that is pointed at the service.",
        response=ResponseBody("A redirect to `/docs`.", media_type=None, status=307),
    ),
    RouteSpec(
        "GET",
        "/docs",
        handler=documentation.show_documentation,
        scope=None,
        tag=DOCUMENTATION,
        summary="Read this documentation in a browser",
        description="Swagger UI, loading nothing from outside.",
        response=ResponseBody("The page.", media_type=HTML),
    ),
    RouteSpec(
        "GET",
        "/docs/{file}",
        handler=documentation.serve_documentation_file,
        scope=None,
        tag=DOCUMENTATION,
        summary="Load a file of the documentation page",
        description="Its script and style.",
        response=ResponseBody("The file.", None, None, "*/*"),
        problems=(404,),
    ),
    RouteSpec(
        "GET",
        "/docs.json",
        handler=documentation.show_openapi,
        scope=None,
        tag=DOCUMENTATION,
        summary="Read this documentation as OpenAPI",
        description="The OpenAPI 3.1 document that the page shows.",
        response=ResponseBody("The document.", responses.OpenApiDocument),
    ),
)
