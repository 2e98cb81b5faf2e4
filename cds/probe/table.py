"""The table of all checks: what is checked, by which row of the contract, how binding it is, and in which profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from cds.probe import answer, card, cors, discovery, errors, feedback, fetching, jwt, prefetch, request, surface, templates
from cds.probe.model import Level, ProfileName, Seen
from cds.probe.session import Session

Check = Callable[[Session], Iterator[Seen]]

ALL: frozenset[ProfileName] = frozenset({"strict", "2.0", "1.0", "epic"})
SINCE_2: frozenset[ProfileName] = ALL - {"1.0"}
STRICT: frozenset[ProfileName] = frozenset({"strict"})
EPIC: frozenset[ProfileName] = frozenset({"epic"})
STRICT_EPIC = STRICT | EPIC


class Row(Struct, frozen=True):
    """One check. `advice`: what it finds is reported, but never a failure."""

    name: str
    row: str
    level: Level
    profiles: frozenset[ProfileName]
    check: Check
    advice: bool = False

    @property
    def title(self) -> str:
        """What is checked, in one line."""
        return (self.check.__doc__ or "").partition("\n")[0].strip()


DISCOVERY = (
    Row("discovery-json", "CH-GEN-01", "SHALL", ALL, discovery.is_json),
    Row("discovery-answers", "CH-DISC-01", "SHALL", ALL, discovery.answers),
    Row("discovery-empties", "CH-GEN-02", "SHALL", ALL, discovery.no_empties),
    Row("discovery-content-type", "CH-GEN-04", "LOCAL", ALL, discovery.content_type),
    Row("entry-members", "CH-DISC-03", "SHALL", ALL, discovery.each(discovery.required_members)),
    Row("entry-title", "CH-DISC-04", "SHOULD", ALL, discovery.each(discovery.title)),
    Row("entry-prefetch", "CH-DISC-06", "SHALL", ALL, discovery.each(discovery.prefetch)),
    Row("entry-usage", "CH-DISC-07", "SHALL", SINCE_2, discovery.each(discovery.usage_requirements)),
    Row("entry-version", "CH-DISC-08", "SHOULD", STRICT, discovery.each(discovery.version)),
    Row("entry-hook-version", "CH-DISC-09", "SHALL", STRICT, discovery.each(discovery.hook_version)),
    Row("entry-extension", "CH-DISC-11", "SHALL", ALL, discovery.each(discovery.extension)),
    Row("entry-extension-names", "CH-EXT-02", "SHOULD", SINCE_2, discovery.each(discovery.extension_names)),
    Row("entry-known-members", "CH-EXT-01", "SHALL", ALL, discovery.each(discovery.only_known_members)),
    Row("entry-id-form", "CH-DISC-12", "LOCAL", STRICT, discovery.each(discovery.id_form)),
    Row("services-distinct", "CH-DISC-10", "LOCAL", ALL, discovery.distinct_services),
    Row("ids-distinct", "CH-DISC-10", "LOCAL", STRICT, discovery.distinct_ids),
    Row("discovery-stable", "CH-DISC-13", "LOCAL", ALL, discovery.stable),
    Row("discovery-etag", "CH-DISC-13", "LOCAL", STRICT, discovery.entity_tag),
    Row("discovery-open", "CH-DISC-14", "LOCAL", STRICT, discovery.open_to_all),
    Row("discovery-head", "CH-HTTP-07", "LOCAL", STRICT, discovery.head),
)
TEMPLATES = (
    Row("template-form", "CH-PF-01", "SHALL", ALL, templates.each(templates.form)),
    Row("template-tokens", "CH-PF-02", "SHALL", ALL, templates.each(templates.tokens)),
    Row("template-fhirpath", "CH-PF-04", "LOCAL", SINCE_2, templates.each(templates.no_fhirpath)),
    Row("template-subset", "CH-PF-06", "SHOULD", ALL, templates.each(templates.subset)),
    Row("template-portable", "CH-PF-07", "LOCAL", STRICT, templates.each(templates.portable)),
    Row("template-once", "CH-PF-08", "LOCAL", STRICT, templates.each(templates.once)),
    Row("template-keys", "CH-PF-11", "LOCAL", STRICT, templates.keys),
)
SURFACE = (
    Row("tls", "CH-SEC-01", "SHALL", ALL, surface.tls),
    Row("hsts", "CH-SEC-01", "LOCAL", STRICT, surface.hsts),
    Row("service-there", "CH-DISC-05", "SHALL", ALL, surface.callable_at_id),
    Row("success-200", "CH-HTTP-01", "SHALL", ALL, surface.success_is_200),
    Row("good-request", "CH-412-02", "LOCAL", ALL, surface.good_request_accepted),
    Row("unknown-service", "CH-HTTP-03", "LOCAL", ALL, surface.unknown_service),
    Row("get-on-service", "CH-HTTP-07", "LOCAL", STRICT, surface.get_on_service),
    Row("no-redirects", "CH-HTTP-05", "LOCAL", STRICT, surface.no_redirects),
    Row("charset", "CH-HTTP-06", "LOCAL", ALL, surface.charset),
    Row("fhir-media-types", "CH-HTTP-06", "LOCAL", STRICT, surface.fhir_media_types),
    Row("other-media-types", "CH-HTTP-06", "LOCAL", STRICT, surface.other_media_types),
    Row("accept", "CH-HTTP-06", "LOCAL", ALL, surface.accept),
    Row("route-before-body", "CH-HTTP-08", "LOCAL", STRICT, surface.route_before_body),
    Row("deep-json", "CH-HTTP-09", "LOCAL", ALL, surface.deep_json),
    Row("one-megabyte", "CH-HTTP-09", "LOCAL", ALL, surface.one_megabyte),
    Row("nine-megabytes", "CH-HTTP-09", "LOCAL", STRICT, surface.nine_megabytes),
    Row("body-limit", "CH-HTTP-09", "LOCAL", ALL, surface.body_limit),
    Row("request-id", "CH-HTTP-10", "LOCAL", STRICT, surface.request_id),
    Row("quick", "CH-PERF-01", "SHOULD", ALL, surface.quick, advice=True),
)
REQUEST = (
    Row("not-json", "CH-GEN-01", "LOCAL", ALL, request.not_json),
    Row("hook-required", "CH-REQ-01", "LOCAL", ALL, request.hook_required),
    Row("hook-matches", "CH-REQ-02", "LOCAL", ALL, request.hook_matches),
    Row("instance-required", "CH-REQ-03", "LOCAL", ALL, request.instance_required),
    Row("instance-forms", "CH-REQ-03", "LOCAL", ALL, request.instance_forms),
    Row("instance-repeats", "CH-REQ-04", "LOCAL", ALL, request.instance_repeats),
    Row("context-required", "CH-REQ-05", "LOCAL", ALL, request.context_required),
    Row("bad-request-not-404", "CH-HTTP-04", "LOCAL", ALL, request.bad_request_is_not_404),
    Row("user-types", "CH-REQ-06", "LOCAL", ALL, request.user_types),
    Row("typed-ids", "CH-REQ-07", "LOCAL", STRICT, request.typed_ids),
    Row("long-ids", "CH-REQ-08", "LOCAL", STRICT_EPIC, request.long_ids),
    Row("token-without-server", "CH-REQ-09", "LOCAL", STRICT, request.token_without_server),
    Row("incomplete-authorization", "CH-REQ-11", "LOCAL", ALL, request.incomplete_authorization),
    Row("token-of-another", "CH-REQ-12", "LOCAL", SINCE_2, request.token_of_another),
    Row("opaque-scope", "CH-REQ-14", "LOCAL", SINCE_2, request.opaque_scope),
    Row("request-extension", "CH-REQ-15", "SHALL", ALL, request.extensions),
    Row("unknown-members", "CH-GEN-05", "LOCAL", ALL, request.unknown_members),
    Row("optional-context", "CH-PF-09", "LOCAL", ALL, request.without_optional_context),
    Row("hostile-id", "CH-FHIR-07", "LOCAL", STRICT, request.hostile_id),
    Row("other-patient", "CH-REQ-16", "LOCAL", STRICT, request.other_patient),
    Row("odd-fhir", "CH-REQ-17", "LOCAL", ALL, request.odd_fhir),
)
PREFETCH = (
    Row("prefetch-null", "CH-PD-04", "LOCAL", ALL, prefetch.null),
    Row("prefetch-empty", "CH-PD-05", "LOCAL", SINCE_2, prefetch.empty),
    Row("empty-not-412", "CH-412-02", "LOCAL", SINCE_2, prefetch.empty_is_not_412),
    Row("prefetch-epic-empty", "CH-PD-03", "LOCAL", SINCE_2, prefetch.empty_as_epic),
    Row("prefetch-outcome", "CH-PD-06", "SHOULD", SINCE_2, prefetch.outcome),
    Row("prefetch-absent", "CH-PD-07", "SHALL", ALL, prefetch.absent),
    Row("prefetch-nothing", "CH-412-01", "SHALL", ALL, prefetch.nothing),
    Row("nothing-three-ways", "CH-REQ-13", "LOCAL", ALL, prefetch.nothing_three_ways),
    Row("missing-key-named", "CH-412-04", "SHOULD", STRICT, prefetch.missing_names_the_key),
    Row("failure-not-silence", "CH-412-05", "LOCAL", ALL, prefetch.failure_is_not_silence),
    Row("prefetch-paged", "CH-PD-08", "LOCAL", SINCE_2, prefetch.paged),
    Row("prefetch-bundles", "CH-PD-09", "LOCAL", ALL, prefetch.other_bundles),
    Row("prefetch-junk", "CH-PD-10", "LOCAL", ALL, prefetch.junk),
    Row("prefetch-wrapper", "CH-PD-11", "LOCAL", STRICT, prefetch.wrapper),
    Row("prefetch-unknown-keys", "CH-PD-12", "LOCAL", ALL, prefetch.unknown_keys),
)
FETCHING = (
    Row("fetch-same", "CH-FHIR-01", "LOCAL", ALL, fetching.same_cards),
    Row("fetch-token", "CH-FHIR-02", "SHALL", ALL, fetching.token_sent),
    Row("fetch-forgets", "CH-FHIR-03", "SHALL", ALL, fetching.token_forgotten),
    Row("fetch-elsewhere", "CH-FHIR-04", "LOCAL", ALL, fetching.not_elsewhere),
    Row("fetch-reads", "CH-SEC-18", "LOCAL", ALL, fetching.only_reads),
    Row("fetch-missing", "CH-PD-01", "LOCAL", ALL, fetching.only_missing),
    Row("fetch-null", "CH-PD-04", "LOCAL", ALL, fetching.null_is_known),
    Row("fetch-outcome", "CH-PD-06", "SHOULD", SINCE_2, fetching.outcome_is_known),
    Row("fetch-pages", "CH-PD-08", "LOCAL", SINCE_2, fetching.pages),
    Row("fetch-failure", "CH-FHIR-09", "LOCAL", ALL, fetching.failures),
    Row("fetch-tries", "CH-FHIR-08", "LOCAL", STRICT, fetching.few_tries),
    Row("fetch-accept", "CH-FHIR-10", "LOCAL", STRICT, fetching.accepts_fhir),
    Row("fetch-expired", "CH-FHIR-11", "LOCAL", ALL, fetching.token_expired),
    Row("fetch-other-patient", "CH-REQ-12", "LOCAL", SINCE_2, fetching.token_for_another),
)
ANSWER = (
    Row("answer-json", "CH-GEN-01", "SHALL", ALL, answer.is_json),
    Row("answer-content-type", "CH-GEN-04", "LOCAL", ALL, answer.content_type),
    Row("answer-cards", "CH-RESP-01", "SHALL", ALL, answer.has_cards),
    Row("answer-not-outcome", "CH-ERR-04", "SHALL", ALL, answer.not_an_outcome),
    Row("answer-empties", "CH-GEN-02", "SHALL", ALL, answer.no_empties),
    Row("answer-known-members", "CH-EXT-01", "SHALL", ALL, answer.only_known_members),
    Row("answer-extension", "CH-CARD-10", "SHALL", ALL, answer.extension_objects),
    Row("answer-extension-names", "CH-EXT-02", "SHOULD", SINCE_2, answer.extension_names),
    Row("system-actions", "CH-SYS-01", "SHALL NOT", STRICT, answer.no_system_actions),
    Row("no-store", "CH-RESP-06", "LOCAL", STRICT, answer.not_stored),
    Row("same-again", "CH-RESP-05", "LOCAL", STRICT, answer.same_again),
    Row("extension-no-effect", "CH-EXT-03", "LOCAL", STRICT, answer.same_without_extension),
    Row("uuids-distinct", "CH-CARD-01", "SHALL", SINCE_2, answer.distinct_uuids),
    Row("uuids-fresh", "CH-CARD-01", "LOCAL", STRICT, answer.fresh_uuids),
    Row("uuid-form", "CH-GEN-06", "LOCAL", STRICT, answer.uuid_form),
    Row("no-patient-name", "CH-CARD-12", "LOCAL", ALL, answer.no_name),
)
CARDS = (
    Row("summary", "CH-CARD-02", "SHALL", ALL, card.each(card.summary)),
    Row("detail", "CH-CARD-03", "SHALL", ALL, card.each(card.detail)),
    Row("detail-markdown", "CH-CARD-03", "LOCAL", STRICT, card.each(card.detail_markdown)),
    Row("detail-size", "CH-CARD-13", "LOCAL", STRICT, card.each(card.detail_size)),
    Row("detail-links", "CH-CARD-11", "LOCAL", STRICT, card.each(card.detail_links)),
    Row("indicator", "CH-CARD-04", "SHALL", ALL, card.each(card.indicator)),
    Row("source", "CH-SRC-01", "SHALL", ALL, card.each(card.source)),
    Row("source-addresses", "CH-SRC-02", "SHALL", ALL, card.each(card.source_addresses)),
    Row("source-https", "CH-SRC-02", "LOCAL", STRICT, card.each(card.source_https)),
    Row("topic", "CH-SRC-04", "SHALL", SINCE_2, card.each(card.topic)),
    Row("topic-given", "CH-SRC-04", "LOCAL", STRICT, card.each(card.topic_given)),
    Row("topic-code", "Q-EPIC-09", "LOCAL", STRICT_EPIC, card.each(card.topic_code)),
    Row("selection-behavior", "CH-CARD-07", "SHALL", ALL, card.each(card.selection_behavior)),
    Row("one-recommended", "CH-SUG-03", "SHALL", SINCE_2, card.each(card.one_recommended)),
    Row("override-reasons", "CH-CARD-08", "SHALL", SINCE_2, card.each_part("overrideReasons", card.override_reason)),
    Row("suggestion-label", "CH-SUG-01", "SHALL", ALL, card.each_part("suggestions", card.suggestion_label)),
    Row("suggestion-uuid", "CH-SUG-02", "LOCAL", STRICT_EPIC, card.each_part("suggestions", card.suggestion_uuid)),
    Row("suggestion-members", "CH-SUG-03", "SHALL", SINCE_2, card.each_part("suggestions", card.recommended)),
    Row("action-selection", "CH-SUG-05", "SHALL NOT", STRICT, card.each_part("suggestions", card.no_action_selection)),
    Row("action-type", "CH-ACT-01", "SHALL", ALL, card.each_action(card.action_type)),
    Row("action-resource", "CH-ACT-02", "SHALL", ALL, card.each_action(card.action_resource)),
    Row("action-delete", "CH-ACT-03", "SHOULD", SINCE_2, card.each_action(card.action_delete)),
    Row("link", "CH-LINK-01", "SHALL", ALL, card.each_part("links", card.link)),
    Row("link-context", "CH-LINK-02", "SHALL", ALL, card.each_part("links", card.link_context)),
    Row("link-launch", "CH-LINK-03", "SHALL", SINCE_2, card.each_part("links", card.link_launch)),
    Row("link-no-launch", "CH-LINK-03", "LOCAL", STRICT, card.each_part("links", card.link_no_launch)),
    Row("link-address", "CH-LINK-04", "SHALL", ALL, card.each_part("links", card.link_address)),
    Row("link-https", "CH-LINK-04", "LOCAL", STRICT, card.each_part("links", card.link_https)),
    Row("link-labels", "CH-LINK-06", "LOCAL", STRICT, card.each(card.link_labels)),
    Row("epic-any", "Q-EPIC-08", "SHALL", EPIC, card.each(card.epic_any)),
    Row("epic-one-action", "Q-EPIC-08", "SHALL", EPIC, card.each_part("suggestions", card.epic_one_action)),
    Row("epic-uuid", "Q-EPIC-12", "SHOULD", EPIC, card.each(card.epic_uuid)),
)
CORS = (
    Row("cors-preflight", "CH-CORS-02", "LOCAL", ALL, cors.each_preflight(cors.preflight)),
    Row("cors-methods", "CH-CORS-02", "LOCAL", ALL, cors.each_preflight(cors.methods)),
    Row("cors-headers", "CH-CORS-02", "LOCAL", ALL, cors.each_preflight(cors.headers)),
    Row("cors-max-age", "CH-CORS-02", "LOCAL", STRICT, cors.each_preflight(cors.max_age)),
    Row("cors-every-answer", "CH-CORS-03", "LOCAL", ALL, cors.every_answer),
    Row("cors-credentials", "CH-CORS-04", "LOCAL", STRICT, cors.no_credentials),
    Row("cors-vary", "CH-CORS-02", "LOCAL", ALL, cors.vary),
)
FEEDBACK = (
    Row("feedback-there", "CH-FB-01", "LOCAL", STRICT, feedback.exists),
    Row("feedback-accepted", "CH-FB-03", "SHALL", SINCE_2, feedback.accepted),
    Row("feedback-status", "CH-FB-09", "LOCAL", STRICT, feedback.status),
    Row("feedback-reasons", "CH-FB-05", "SHALL", SINCE_2, feedback.reasons),
    Row("feedback-batches", "CH-FB-02", "SHALL", SINCE_2, feedback.batches),
    Row("feedback-empty", "CH-FB-02", "LOCAL", STRICT, feedback.empty_batch),
    Row("feedback-repeats", "CH-FB-07", "SHALL", SINCE_2, feedback.repeats),
    Row("feedback-refusals", "CH-FB-03", "LOCAL", SINCE_2, feedback.refusals),
    Row("feedback-no-suggestions", "CH-FB-04", "LOCAL", SINCE_2, feedback.no_suggestions),
    Row("feedback-epic", "CH-FB-06", "LOCAL", STRICT_EPIC, feedback.epic),
    Row("feedback-times", "CH-FB-11", "LOCAL", SINCE_2, feedback.times),
    Row("feedback-far-future", "CH-FB-11", "LOCAL", STRICT, feedback.far_future),
    Row("feedback-unknown-members", "CH-GEN-05", "LOCAL", SINCE_2, feedback.unknown_members),
    Row("feedback-unknown-service", "CH-FB-08", "LOCAL", STRICT, feedback.unknown_service),
    Row("feedback-comment", "CH-FB-10", "LOCAL", SINCE_2, feedback.comment_stays),
)
JWT = (
    Row("token-needed", "CH-SEC-02", "SHOULD", ALL, jwt.needed),
    Row("token-accepted", "CH-SEC-03", "SHALL", ALL, jwt.accepts),
    Row("token-form", "CH-SEC-03", "SHALL", ALL, jwt.rejects(jwt.NO_TOKEN, "What is no token is refused.")),
    Row("token-algorithm", "CH-SEC-06", "SHALL NOT", ALL, jwt.rejects(jwt.ALGORITHMS, "`none` and symmetric algorithms are refused.")),
    Row("token-signature", "CH-SEC-07", "SHALL", ALL, jwt.rejects(jwt.SIGNATURES, "A signature that does not fit is refused.")),
    Row(
        "token-header",
        "CH-SEC-04",
        "LOCAL",
        ALL,
        jwt.rejects(jwt.HEADERS, "A token without kid or typ, or with an unknown kid, is refused."),
    ),
    Row("token-claims", "CH-SEC-05", "LOCAL", ALL, jwt.rejects(jwt.CLAIMS, "A token without one of the five claims is refused.")),
    Row("token-issuer", "CH-SEC-08", "SHOULD", ALL, jwt.rejects(jwt.ISSUER, "An issuer nobody knows is refused.")),
    Row("token-audience", "CH-SEC-11", "SHALL", ALL, jwt.rejects(jwt.AUDIENCE, "A token for another address is refused.")),
    Row("token-expired", "CH-SEC-12", "SHALL", ALL, jwt.rejects(jwt.EXPIRED, "An expired token is refused.")),
    Row("token-future", "CH-SEC-12", "LOCAL", ALL, jwt.rejects(jwt.FUTURE, "A token of the future is refused.")),
    Row("token-lifetime", "CH-SEC-12", "LOCAL", STRICT, jwt.rejects(jwt.LIFETIME, "A token that lives for a month is refused.")),
    Row("token-replay", "CH-SEC-13", "SHALL", ALL, jwt.replay),
    Row("token-same-refusal", "CH-ERR-03", "LOCAL", STRICT, jwt.same_refusal),
    Row("token-before-address", "CH-HTTP-08", "LOCAL", STRICT, jwt.before_address),
    Row("token-feedback", "CH-FB-10", "LOCAL", SINCE_2, jwt.feedback),
    Row("token-fhir", "CH-SEC-16", "LOCAL", ALL, jwt.access_token),
)
ERRORS = (
    Row("retry-after", "CH-HTTP-03", "LOCAL", ALL, surface.retry_after),
    Row("error-outcome", "CH-ERR-01", "SHOULD", STRICT, errors.each(errors.outcome)),
    Row("error-content-type", "CH-GEN-04", "LOCAL", STRICT, errors.each(errors.content_type)),
    Row("error-empties", "CH-GEN-02", "SHALL", SINCE_2, errors.each(errors.no_empties)),
    Row("error-echo", "CH-ERR-02", "LOCAL", ALL, errors.each(errors.no_echo)),
    Row("error-trace", "CH-ERR-02", "LOCAL", ALL, errors.each(errors.no_trace)),
    Row("error-code", "CH-ERR-05", "LOCAL", STRICT, errors.each(errors.code)),
)
CHECKS: tuple[Row, ...] = (
    *DISCOVERY,
    *TEMPLATES,
    *SURFACE,
    *REQUEST,
    *PREFETCH,
    *FETCHING,
    *ANSWER,
    *CARDS,
    *CORS,
    *FEEDBACK,
    *JWT,
    *ERRORS,
)
"""In the order in which they run; refusals come last, because they look at all that was refused before."""


def as_markdown() -> str:
    """The table for docs/probe.md, made with `python -m cds.probe.table`."""
    lines = ["| Check | Row | Level | Profiles | What is checked |", "|---|---|---|---|---|"]
    for row in CHECKS:
        profiles = "all" if row.profiles == ALL else ", ".join(sorted(row.profiles))
        lines.append(f"| `{row.name}` | {row.row} | {row.level} | {profiles} | {row.title} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
