"""The faults that are planted, and the checks that must find each: exactly these, and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cds.probe.model import ProfileName


@dataclass(frozen=True)
class Fault:
    """One fault: where it is planted, the change if it is one of a document, and the checks meant for it."""

    name: str
    checks: frozenset[str]
    place: str = ""
    change: Callable[[Any], None] | None = None
    profile: ProfileName = "strict"
    token: bool = False
    told: bool = False
    """Whether the probe is told the limit of bodies, and may start its FHIR server."""


def _behaviour(name: str, *checks: str, **more: Any) -> Fault:
    return Fault(name, frozenset(checks), **more)


def _token(name: str, *checks: str) -> Fault:
    return Fault(name, frozenset(checks), token=True)


def _told(name: str, *checks: str) -> Fault:
    return Fault(name, frozenset(checks), told=True)


def _put(value: Any, *path: str | int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        if value is ...:
            del document[path[-1]]
        else:
            document[path[-1]] = value

    return change


def _discovery(name: str, check: str | tuple[str, ...], value: Any, *path: str | int) -> Fault:
    return Fault(name, frozenset((check,) if isinstance(check, str) else check), "discovery", _put(value, *path))


def _card(name: str, check: str | tuple[str, ...], value: Any, *path: str | int, profile: ProfileName = "strict") -> Fault:
    return Fault(name, frozenset((check,) if isinstance(check, str) else check), "card", _put(value, *path), profile)


def _answer(name: str, check: str, value: Any, *path: str | int) -> Fault:
    return Fault(name, frozenset((check,)), "answer", _put(value, *path))


def _twice(document: Any) -> None:
    document["services"].append(document["services"][1])


def _shared(document: Any) -> None:
    document["services"].append({**document["services"][1], "id": "demo-view"})


def _template(name: str, check: str, text: str) -> Fault:
    return _discovery(name, check, text, "services", 0, "prefetch", "conditions")


def _recommend_two(card: Any) -> None:
    card["selectionBehavior"] = "at-most-one"
    card["suggestions"][1]["isRecommended"] = True


def _two_cards(answer: Any) -> None:
    answer["cards"] *= 2


_DISCOVERY = (
    _behaviour("discovery-500", "discovery-answers"),
    _behaviour("discovery-is-html", "discovery-json"),
    _behaviour("discovery-bom", "discovery-json"),
    _discovery("services-is-object", "discovery-answers", {}, "services"),
    _discovery("null-in-discovery", "discovery-empties", None, "services", 0, "extension", "org.example.edition", "version"),
    _discovery("empty-extension", "discovery-empties", {}, "services", 1, "extension"),
    _behaviour("discovery-content-type", "discovery-content-type"),
    _discovery("no-description", "entry-members", ..., "services", 1, "description"),
    _discovery("no-title", "entry-title", ..., "services", 1, "title"),
    _discovery("prefetch-not-text", "entry-prefetch", {"patient": "Patient/{{context.patientId}}", "b": 1}, "services", 1, "prefetch"),
    _discovery("usage-not-text", "entry-usage", ["x"], "services", 1, "usageRequirements"),
    _discovery("no-version", "entry-version", ..., "services", 1, "version"),
    _discovery("hook-version", "entry-hook-version", "latest", "services", 1, "hookVersion"),
    _discovery("extension-is-text", "entry-extension", "x", "services", 1, "extension"),
    _discovery("extension-name", "entry-extension-names", {"edition": 1}, "services", 1, "extension"),
    _discovery("usage_requirements", "entry-known-members", "x", "services", 1, "usage_requirements"),
    Fault("service-twice", frozenset({"services-distinct"}), "discovery", _twice),
    Fault("one-id-two-hooks", frozenset({"ids-distinct"}), "discovery", _shared),
    _discovery("id-with-space", "entry-id-form", "demo~view", "services", 0, "id"),
    _behaviour("discovery-changes", "discovery-stable"),
    _behaviour("no-etag", "discovery-etag"),
    _behaviour("no-304", "discovery-etag"),
    _behaviour("bad-token-breaks-discovery", "discovery-open"),
    _behaviour("no-head", "discovery-head"),
    _template("absolute-template", "template-form", "https://ehr.example/Condition?patient={{context.patientId}}"),
    _template("unknown-token", "template-tokens", "Condition?patient={{context.medications}}"),
    _template("fhirpath-in-template", "template-fhirpath", "Condition?patient={{context.patientId}}&recorded-date=ge{{today() - 90 days}}"),
    _template("include-in-template", "template-subset", "Condition?patient={{context.patientId}}&_include=Condition:encounter"),
    _template("in-modifier", "template-portable", "Condition?patient={{context.patientId}}&code:in=http://example.org/vs"),
    _template("parameter-twice", "template-once", "Condition?patient={{context.patientId}}&code=a&code=b"),
    _discovery("key-with-dash", "template-keys", "Practitioner/{{userPractitionerId}}", "services", 0, "prefetch", "-user"),
)
_SURFACE = (
    _behaviour("service-gone", "service-there"),
    _behaviour("status-201", "success-200"),
    _behaviour("nothing-more-412", "good-request"),
    _behaviour("accepts-unknown-service", "unknown-service", "route-before-body", "feedback-unknown-service"),
    _behaviour("no-allow", "get-on-service"),
    _behaviour("strict-slashes", "no-redirects"),
    _behaviour("no-charset", "charset"),
    _behaviour("only-plain-json", "fhir-media-types"),
    _behaviour("any-media-type", "other-media-types"),
    _behaviour("looks-at-accept", "accept"),
    _behaviour("deep-json-breaks", "deep-json"),
    _behaviour("small-limit", "one-megabyte", "nine-megabytes"),
    _behaviour("medium-limit", "nine-megabytes"),
    _behaviour("no-request-id", "request-id"),
    _behaviour("slow", "quick"),
)
_REQUEST = (
    _behaviour("broken-json-500", "not-json"),
    _behaviour("hook-optional", "hook-required"),
    _behaviour("any-hook", "hook-matches"),
    _behaviour("instance-optional", "instance-required"),
    _behaviour("only-version-4", "instance-forms"),
    _behaviour("instance-once", "instance-repeats"),
    _behaviour("context-optional", "context-required"),
    _behaviour("bad-request-404", "bad-request-not-404"),
    _behaviour("practitioners-only", "user-types"),
    _behaviour("no-typed-ids", "typed-ids"),
    _behaviour("short-ids", "long-ids"),
    _behaviour("token-without-server-500", "token-without-server"),
    _behaviour("incomplete-token-500", "incomplete-authorization"),
    _behaviour("other-token-500", "token-of-another"),
    _behaviour("scope-checked", "opaque-scope"),
    _behaviour("extension-refused", "request-extension"),
    _behaviour("unknown-members-refused", "unknown-members"),
    _behaviour("encounter-needed", "optional-context"),
    _behaviour("any-patient-id", "hostile-id"),
    _behaviour("any-patient", "other-patient"),
    _behaviour("odd-fhir-400", "odd-fhir"),
)
_PREFETCH = (
    _behaviour("null-400", "prefetch-null"),
    _behaviour("null-412", "empty-not-412"),
    _behaviour("epic-empty-412", "prefetch-epic-empty"),
    _behaviour("outcome-400", "prefetch-outcome"),
    _behaviour("prefetch-null-400", "prefetch-nothing", "nothing-three-ways"),
    _behaviour("absent-500", "prefetch-absent", "prefetch-nothing"),
    _behaviour("key-not-named", "missing-key-named"),
    _behaviour("silence", "failure-not-silence"),
    _behaviour("paged-400", "prefetch-paged"),
    _behaviour("empty-400", "prefetch-empty"),
    _behaviour("bundle-type-400", "prefetch-bundles"),
    _behaviour("junk-500", "prefetch-junk"),
    _behaviour("wrapper-unknown", "prefetch-wrapper"),
    _behaviour("unknown-keys-refused", "prefetch-unknown-keys"),
)
_ANSWER = (
    _behaviour("answer-not-json", "answer-json"),
    _behaviour("answer-member-twice", "answer-json"),
    _behaviour("answer-content-type", "answer-content-type"),
    _answer("cards-is-object", "answer-cards", {"a": 1}, "cards"),
    Fault(
        "outcome-with-200",
        frozenset({"answer-not-outcome"}),
        "answer",
        lambda a: (a.clear(), a.update(resourceType="OperationOutcome", issue=[{"severity": "error", "code": "x"}])),
    ),
    _card("empty-links", ("answer-empties", "detail-links"), [], "links"),
    _card("null-detail", ("answer-empties", "detail"), None, "detail"),
    _card("unknown-member", "answer-known-members", "x", "moreInfo"),
    _card("link-member", "answer-known-members", True, "links", 1, "autoLaunchable"),
    _card("card-extension-is-text", "answer-extension", "x", "extension"),
    _card("card-extension-name", "answer-extension-names", {"kind": "demo"}, "extension"),
    _answer("system-actions", "system-actions", [{"type": "update", "resource": {"resourceType": "Task"}}], "systemActions"),
    _behaviour("cards-cached", "no-store"),
    _behaviour("random-cards", "same-again", "extension-no-effect"),
    _behaviour("extension-matters", "extension-no-effect"),
    Fault("one-uuid-for-two", frozenset({"uuids-distinct"}), "answer", _two_cards),
    _behaviour("fixed-uuid", "uuids-fresh"),
    _behaviour("name-in-card", "no-patient-name"),
)
_CARD = (
    _card("summary-140", "summary", "x" * 140, "summary"),
    _card("summary-utf16", "summary", "\U0001f9e0" * 70, "summary"),
    _card("detail-is-list", "detail", ["x"], "detail"),
    _card("html-in-detail", "detail-markdown", "<b>x</b>", "detail"),
    _card("table-in-detail", "detail-markdown", "| a | b |\n|---|---|", "detail"),
    _card("citation-only-in-detail", "detail-links", "See [this](https://example.org/other).", "detail"),
    _card("long-detail", "detail-size", "word " * 1000, "detail"),
    _card("hard-stop", "indicator", "hard-stop", "indicator"),
    _card("source-without-label", "source", ..., "source", "label"),
    _card("relative-source", "source-addresses", "/about", "source", "url"),
    _card("http-icon", "source-https", "http://example.org/icon.png", "source", "icon"),
    _card("topic-without-system", "topic", ..., "source", "topic", "system"),
    _card("no-topic", "topic-given", ..., "source", "topic"),
    _card("topic-code", "topic-code", "demo-1", "source", "topic", "code"),
    _card("no-selection-behavior", "selection-behavior", ..., "selectionBehavior"),
    _card("selection-all", "selection-behavior", "all", "selectionBehavior"),
    Fault("two-recommended", frozenset({"one-recommended"}), "card", _recommend_two),
    _card("reason-without-display", "override-reasons", ..., "overrideReasons", 0, "display"),
    _card("suggestion-without-label", "suggestion-label", ..., "suggestions", 0, "label"),
    _card("suggestion-without-uuid", "suggestion-uuid", ..., "suggestions", 0, "uuid"),
    _card("recommended-is-text", "suggestion-members", "yes", "suggestions", 0, "isRecommended"),
    _card("action-selection", "action-selection", "any", "suggestions", 0, "actionSelectionBehavior"),
    _card("action-capitals", "action-type", "Create", "suggestions", 0, "actions", 0, "type"),
    _card("action-without-description", "action-type", ..., "suggestions", 0, "actions", 0, "description"),
    _card("resource-as-text", "action-resource", '{"resourceType": "Task"}', "suggestions", 0, "actions", 0, "resource"),
    _card("delete-with-resource", "action-delete", "Task/1", "suggestions", 1, "actions", 0, "resource"),
    _card("relative-link-type", "link", "relative", "links", 0, "type"),
    _card("link-without-label", "link", ..., "links", 0, "label"),
    _card("context-on-absolute", "link-context", "x", "links", 0, "appContext"),
    _card("launch-is-text", "link-launch", "yes", "links", 1, "autolaunchable"),
    _card("autolaunch", "link-no-launch", True, "links", 1, "autolaunchable"),
    _card("relative-link", "link-address", "app", "links", 1, "url"),
    _card("http-link", "link-https", "http://example.org/app", "links", 1, "url"),
    _card("labels-alike", "link-labels", "App", "links", 0, "label"),
    Fault("uuid-capitals", frozenset({"uuid-form"}), "card", lambda card: card.update(uuid=card["uuid"].upper())),
    _card("epic-at-most-one", "epic-any", "at-most-one", "selectionBehavior", profile="epic"),
    _card(
        "epic-two-actions",
        "epic-one-action",
        [{"type": "delete", "description": "x", "resourceId": f"Task/{n}"} for n in (1, 2)],
        "suggestions",
        1,
        "actions",
        profile="epic",
    ),
    _card("epic-no-uuid", "epic-uuid", ..., "uuid", profile="epic"),
)
_CORS = (
    _behaviour("preflight-refused", "cors-preflight", "cors-methods", "cors-headers", "cors-max-age"),
    _behaviour("preflight-no-post", "cors-methods"),
    _behaviour("preflight-any-header", "cors-headers"),
    _behaviour("preflight-no-age", "cors-max-age"),
    _behaviour("cors-not-on-errors", "cors-every-answer"),
    _behaviour("cors-credentials", "cors-credentials"),
    _behaviour("cors-no-vary", "cors-vary"),
)
_FEEDBACK = (
    _behaviour("no-feedback", "feedback-there"),
    _behaviour(
        "accepted-refused", "feedback-accepted", "feedback-batches", "feedback-repeats", "feedback-times", "feedback-unknown-members"
    ),
    _behaviour("feedback-with-body", "feedback-status"),
    _behaviour("feedback-204", "feedback-status"),
    _behaviour("display-needed", "feedback-reasons"),
    _behaviour("one-entry-only", "feedback-batches"),
    _behaviour("feedback-no-empty", "feedback-empty"),
    _behaviour("overridden-refused-after-accepted", "feedback-repeats"),
    _behaviour("feedback-unchecked", "feedback-refusals"),
    _behaviour("feedback-500", "feedback-refusals"),
    _behaviour("no-suggestions-500", "feedback-no-suggestions"),
    _behaviour("uuid-cards-only", "feedback-epic"),
    _behaviour("times-without-fractions", "feedback-times"),
    _behaviour("feedback-far-future", "feedback-far-future"),
    _behaviour("feedback-unknown-members-refused", "feedback-unknown-members"),
    _behaviour("comment-echo", "feedback-comment", "error-echo"),
)
_FETCHING = (
    _told("fetch-loses", "fetch-same"),
    _told("fetch-without-token", "fetch-token"),
    _told("fetch-remembers", "fetch-forgets"),
    _told("fetch-follows-pages", "fetch-elsewhere"),
    _told("fetch-follows-redirects", "fetch-elsewhere"),
    _told("fetch-writes", "fetch-reads"),
    _told("fetch-everything", "fetch-missing", "fetch-null", "fetch-outcome"),
    _told("fetch-null-again", "fetch-null"),
    _told("fetch-outcome-again", "fetch-outcome"),
    _told("fetch-first-page", "fetch-pages"),
    _told("fetch-failure-500", "fetch-failure"),
    _told("fetch-silence", "fetch-failure"),
    _told("fetch-many-tries", "fetch-tries"),
    _told("fetch-accepts-xml", "fetch-accept"),
    _told("fetch-with-expired", "fetch-expired"),
    _told("fetch-for-any-patient", "fetch-other-patient"),
)
_LIMITS = (
    _told("no-limit", "body-limit"),
    _told("limit-400", "body-limit"),
    _behaviour("busy-without-a-word", "retry-after"),
    _behaviour("busy-says-soon", "retry-after"),
)
_ERRORS = (
    _behaviour("plain-json-errors", "error-outcome"),
    _behaviour("errors-as-text", "error-content-type"),
    _behaviour("null-in-errors", "error-empties"),
    _behaviour("echo", "error-echo"),
    _behaviour("stack-trace", "error-trace", "not-json", "error-outcome"),
    _behaviour("wrong-issue-code", "error-code"),
)
_TOKENS = (
    _token("no-authentication", "token-needed"),
    _token("scheme-case", "token-accepted"),
    _token("one-audience", "token-accepted"),
    _token("any-token", "token-form"),
    _token("any-algorithm", "token-algorithm"),
    _token("signature-unchecked", "token-signature"),
    _token("header-unchecked", "token-header"),
    _token("claims-optional", "token-claims"),
    _token("any-issuer", "token-issuer"),
    _token("any-audience", "token-audience"),
    _token("never-expires", "token-expired"),
    _token("future-tokens", "token-future"),
    _token("long-lived", "token-lifetime"),
    _token("replay", "token-replay"),
    _token("says-why", "token-same-refusal"),
    _token("no-www-authenticate", "token-same-refusal"),
    _token("reveals-services", "token-before-address"),
    _token("feedback-open", "token-feedback"),
    _token("takes-fhir-token", "token-fhir"),
)
FAULTS = {
    fault.name: fault
    for fault in (
        *_DISCOVERY,
        *_SURFACE,
        *_REQUEST,
        *_PREFETCH,
        *_ANSWER,
        *_CARD,
        *_CORS,
        *_FEEDBACK,
        *_FETCHING,
        *_LIMITS,
        *_ERRORS,
        *_TOKENS,
    )
}
