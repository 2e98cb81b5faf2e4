"""Feedback (contract 2.15): what is read, what is refused, and what is on disk when the answer is 200."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cds.feedback.comments import CommentKeyError, read_key, unseal
from cds.feedback.reading import read_comments
from cds.feedback.store import StoreUnavailableError
from tests.api import fake
from tests.api.samples import MRN, NAME, TOKEN, operation_outcome, prefetch, request

CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
SERVICE = "ms-patient-view"
ENTRY = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
REASON = {"reason": {"code": "patient-refuses", "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"}}
COMMENT_KEY = base64.b64encode(bytes(reversed(range(64)))).decode()


def entry(**changes: Any) -> dict[str, Any]:
    """A good entry, changed; a value of `...` leaves a member out."""
    return {name: value for name, value in {**ENTRY, **changes}.items() if value is not ...}


class Site:
    """A service with a store, and what is in its file."""

    def __init__(self, wire: Any, file: Path) -> None:
        self.wire, self._file = wire, file

    def post(self, *entries: Any, service: str = SERVICE, **options: Any) -> Any:
        body = options.pop("body", {"feedback": list(entries)})
        return self.wire.request("POST", f"/cds-services/{service}/feedback", json=body, **options)

    def flush(self) -> None:
        """Write what waits, as at the end of the service."""
        self.wire.run(self.wire.runtime.store.aclose())

    def stored(self, table: str = "feedback") -> list[dict[str, Any]]:
        database = sqlite3.connect(self._file)
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
        database.close()
        return rows


@pytest.fixture
def make_site(make_wire, tmp_path):
    """Makes a service whose store is open."""

    def make(core=None, **settings):
        file = tmp_path / "feedback.sqlite3"
        wire = make_wire(core, **{"database_url": f"sqlite:///{file}", **settings})
        wire.run(_start(wire))
        return Site(wire, file)

    return make


async def _start(wire) -> None:
    """Begin to write, and wait until the database was opened or could not be."""
    wire.runtime.store.start()
    with suppress(StoreUnavailableError):
        await wire.runtime.store.keep([])


@pytest.fixture
def site(make_site):
    return make_site()


def shown(site: Site) -> list[str]:
    """Uuids of cards that the service has just sent."""
    return [card["uuid"] for card in site.wire.call(request()).json()["cards"]]


@pytest.mark.row("CH-FB-01", "CH-FB-09", "CH-RESP-06")
def test_ch_fb_01_feedback_is_acknowledged_with_an_empty_200_when_it_is_stored(site):
    response = site.post(entry(overrideReason=REASON))
    assert (response.status_code, response.content, response.headers["cache-control"]) == (200, b"", "no-store")
    (row,) = site.stored()
    assert (row["service"], row["card"], row["outcome"], row["client"]) == (SERVICE, CARD, "overridden", "anonymous")
    assert (row["outcome_at"], row["reason_code"]) == ("2026-11-20 12:00:00.000000", "patient-refuses")


@pytest.mark.row("CH-FB-01", "CH-HTTP-05")
@pytest.mark.parametrize("path", ["/cds-services/ms-patient-view/feedback/", "/cds-services//ms-patient-view//feedback"])
def test_ch_fb_01_slashes_change_nothing(site, path):
    assert site.wire.request("POST", path, json={"feedback": [ENTRY]}).status_code == 200
    assert len(site.stored()) == 1


@pytest.mark.row("CH-FB-01", "CH-HTTP-03", "CH-HTTP-06")
def test_ch_fb_01_other_methods_and_media_types(site):
    path = f"/cds-services/{SERVICE}/feedback"
    got = site.wire.request("GET", path)
    assert (got.status_code, got.headers["allow"]) == (405, "POST, OPTIONS")
    assert site.wire.request("OPTIONS", path).status_code == 204
    assert site.wire.request("POST", path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert site.wire.request("POST", path, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400


@pytest.mark.row("CH-FB-02")
def test_ch_fb_02_several_entries_or_none(site):
    assert site.post().status_code == 200
    assert site.stored() == []
    cards = [f"4e0a3a1e-3283-4575-ab82-0000000000{n:02d}" for n in range(50)]
    assert site.post(*(entry(card=card) for card in cards)).status_code == 200
    assert sorted(row["card"] for row in site.stored()) == cards


@pytest.mark.row("CH-FB-02")
@pytest.mark.parametrize("body", [{}, {"feedback": None}, {"feedback": ENTRY}, {"feedback": "x"}, ENTRY, [ENTRY]])
def test_ch_fb_02_a_body_without_the_array(site, body):
    assert site.post(body=body).status_code == 400


@pytest.mark.row("CH-FB-02")
def test_ch_fb_02_too_many_entries(site):
    assert site.post(*[ENTRY] * 5001).status_code == 413
    assert site.stored() == []


@pytest.mark.row("CH-FB-03")
@pytest.mark.parametrize("profile", ["interop", "strict", "epic"])
@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"card": ...}, "required", "card"),
        ({"card": ""}, "invalid", "card"),
        ({"card": 5}, "invalid", "card"),
        ({"outcome": ...}, "required", "outcome"),
        ({"outcome": "ignored"}, "invalid", "outcome"),
        ({"outcome": "Accepted"}, "invalid", "outcome"),
        ({"outcome": None}, "invalid", "outcome"),
        ({"outcomeTimestamp": ...}, "required", "outcomeTimestamp"),
        ({"outcomeTimestamp": "yesterday"}, "invalid", "outcomeTimestamp"),
    ],
)
def test_ch_fb_03_faulty_entries(make_site, profile, changes, code, where):
    site = make_site(profile=profile)
    response = site.post(entry(**changes))
    assert response.status_code == 400
    (issue,) = response.json()["issue"]
    assert (issue["code"], issue["expression"]) == (code, [f"feedback[0].{where}"])
    assert site.stored() == []


@pytest.mark.row("CH-FB-03")
@pytest.mark.parametrize("value", [None, 5, "x", [ENTRY]])
def test_ch_fb_03_an_entry_that_is_no_object(site, value):
    assert site.post(value).json()["issue"][0]["expression"] == ["feedback[0]"]


ACCEPTED = {"outcome": "accepted", "acceptedSuggestions": [{"id": "E56FA1FA-40FA-4589-9C61-BC5F7C9B8F5E"}]}


@pytest.mark.row("CH-FB-04")
def test_ch_fb_04_accepted_suggestions(make_site, capfd):
    site = make_site()
    assert site.post(entry(**ACCEPTED), entry(outcome="accepted", outcomeTimestamp="2026-11-20T12:00:01Z")).status_code == 200
    assert [row["suggestions"] for row in site.stored()] == ["e56fa1fa-40fa-4589-9c61-bc5f7c9b8f5e", None]
    assert "feedback-acceptedSuggestions" in capfd.readouterr().err
    strict = make_site(profile="strict")
    assert strict.post(entry(outcome="accepted")).json()["issue"][0]["expression"] == ["feedback[0].acceptedSuggestions"]
    assert strict.post(entry(**ACCEPTED)).status_code == 200


@pytest.mark.row("CH-FB-05")
@pytest.mark.parametrize("profile", ["interop", "strict"])
@pytest.mark.parametrize(
    "reason",
    [
        ...,
        None,
        {"reason": {"code": "patient-refuses", "system": "http://x.example", "display": "Patient refuses"}},
        {"reason": {"code": "patient-refuses", "system": "http://x.example"}},
        {"reason": {"code": "patient-refuses"}},
        {"userComment": "words"},
        {"reason": {"code": "a", "system": "b"}, "userComment": "words"},
    ],
)
def test_ch_fb_05_shapes_of_a_reason(make_site, profile, reason):
    site = make_site(profile=profile)
    assert site.post(entry(overrideReason=reason)).status_code == 200
    assert len(site.stored()) == 1


@pytest.mark.row("CH-FB-05")
@pytest.mark.parametrize("reason", [{}, {"reason": {}}, {"reason": {"display": "no code"}}, "words", [], {"reason": "words"}, 5])
def test_ch_fb_05_a_reason_that_says_nothing(make_site, reason, capfd):
    site = make_site()
    assert site.post(entry(overrideReason=reason)).status_code == 200
    assert site.stored()[0]["reason_code"] is None
    assert "feedback-overrideReason" in capfd.readouterr().err
    assert make_site(profile="strict").post(entry(overrideReason=reason)).status_code == 400


EPIC_REASON = {"reason": {"code": "contraindicated", "display": "bad", "system": "http: //example.org/reasons"}, "userComment": "free"}
EPIC_EXTENSION = {
    "com.epic.cdshooks.feedback.overrideReason.reasonCategory": "45",
    "com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "Does not meet criteria",
    "com.epic.cdshooks.feedback.overrideReason.reasonTitle": "Does not meet criteria",
}


@pytest.mark.row("CH-FB-06")
@pytest.mark.parametrize("profile", ["interop", "epic", "strict"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"overrideReasons": EPIC_REASON}, ("contraindicated", "http: //example.org/reasons", "bad")),
        ({"overrideReasons": {"extension": EPIC_EXTENSION, "userComment": "free"}}, ("45", None, "Does not meet criteria")),
        ({"overrideReasons": {"userComment": "free"}, "extension": EPIC_EXTENSION}, ("45", None, "Does not meet criteria")),
        ({"extension": EPIC_EXTENSION}, ("45", None, "Does not meet criteria")),
        ({"extension": {"com.epic.cdshooks.other": 1}, "foo": 1}, (None, None, None)),
    ],
)
def test_ch_fb_06_dialect_of_epic(make_site, profile, changes, reason):
    site = make_site(profile=profile)
    assert site.post(entry(card="123456", **changes)).status_code == 200
    (row,) = site.stored()
    system = reason[1] or ("com.epic.cdshooks.feedback.overrideReason" if reason[0] else None)
    assert (row["reason_code"], row["reason_system"], row["reason_display"]) == (reason[0], system, reason[2])
    assert row["card"].startswith("sha256:")


@pytest.mark.row("CH-FB-06")
def test_ch_fb_06_a_faulty_extension_is_left_out(site):
    assert site.post(entry(extension="x", overrideReason=REASON)).status_code == 200
    assert site.stored()[0]["reason_code"] == "patient-refuses"


@pytest.mark.row("CH-FB-07")
def test_ch_fb_07_repeated_reports_are_one_record(site):
    for _ in range(3):
        assert site.post(ENTRY, ENTRY).status_code == 200
    assert site.post(entry(outcomeTimestamp="2026-11-20T13:00:00+01:00"), entry(card=f"urn:uuid:{CARD.upper()}")).status_code == 200
    assert len(site.stored()) == 1


@pytest.mark.row("CH-FB-07")
def test_ch_fb_07_first_overridden_then_accepted(site):
    site.post(ENTRY)
    site.post(entry(**ACCEPTED, outcomeTimestamp="2026-11-20T12:05:00Z"))
    assert sorted(row["outcome"] for row in site.stored()) == ["accepted", "overridden"]


@pytest.mark.row("CH-FB-07")
def test_ch_fb_07_a_repeated_report_that_says_more_completes_the_record(site):
    site.post(ENTRY)
    site.post(entry(overrideReason=REASON))
    site.post(ENTRY)
    assert [row["reason_code"] for row in site.stored()] == ["patient-refuses"]


@pytest.mark.row("CH-FB-08")
def test_ch_fb_08_a_known_and_an_unknown_card_look_the_same(site):
    known, _ = shown(site)
    answers = [site.post(entry(card=card)) for card in (known, CARD)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 2
    assert {row["card"] for row in site.stored()} == {known, CARD}


@pytest.mark.row("CH-FB-08")
def test_ch_fb_08_unknown_service(site):
    assert site.post(ENTRY, service="no-such-service").status_code == 404
    assert site.stored() == []


GOOD, BAD = entry(), entry(outcome="ignored", card="4e0a3a1e-3283-4575-ab82-028d55fe0000")


@pytest.mark.row("CH-FB-09")
def test_ch_fb_09_strict_refuses_the_whole_batch_and_names_each_fault(make_site):
    site = make_site(profile="strict")
    response = site.post(GOOD, BAD, entry(card=..., outcomeTimestamp=...))
    assert response.status_code == 400
    places = [issue["expression"][0] for issue in response.json()["issue"]]
    assert places == ["feedback[1].outcome", "feedback[2].card", "feedback[2].outcomeTimestamp"]
    assert site.stored() == []


@pytest.mark.row("CH-FB-09")
def test_ch_fb_09_otherwise_what_can_be_kept_is_kept_and_the_rest_named(site):
    response = site.post(GOOD, BAD)
    assert response.status_code == 400
    assert [issue["expression"] for issue in response.json()["issue"]] == [["feedback[1].outcome"]]
    assert [row["card"] for row in site.stored()] == [CARD]


@pytest.mark.row("CH-FB-09")
def test_ch_fb_09_the_list_of_faults_has_an_end(site):
    assert len(site.post(*[BAD] * 300).json()["issue"]) == 100


@pytest.mark.row("CH-FB-10", "CH-SEC-11")
@pytest.mark.parametrize("path", [f"{SERVICE}/feedback", SERVICE])
def test_ch_fb_10_the_token_may_name_either_address(make_site, production, path):
    site = make_site(**production())
    assert site.post(ENTRY, headers=production.token(path)).status_code == 200
    assert site.stored()[0]["client"] == "general-hospital"


@pytest.mark.row("CH-FB-10", "CH-SEC-02", "CH-HTTP-08")
def test_ch_fb_10_same_authentication_as_service_calls(make_site, production):
    site = make_site(**production(services=[SERVICE]))
    assert site.post(ENTRY).status_code == 401
    assert site.post(ENTRY, service="no-such-service").status_code == 401
    assert site.post(ENTRY, headers=production.token("ms-order-sign")).status_code == 401
    assert site.post(ENTRY, headers=production.token(None)).status_code == 401
    assert site.post(ENTRY, service="ms-order-sign", headers=production.token("ms-order-sign")).status_code == 403
    token = production.token(f"{SERVICE}/feedback")
    assert [site.post(ENTRY, headers=token).status_code for _ in range(2)] == [200, 401]


SECRET = "canary words of a user"


@pytest.mark.row("CH-FB-10", "CH-SEC-15", "CH-SEC-19")
@pytest.mark.parametrize("reasons", ["overrideReason", "overrideReasons"])
@pytest.mark.parametrize("wrong", [{}, {"outcome": "ignored"}, {"acceptedSuggestions": SECRET}])
def test_ch_fb_10_a_comment_is_neither_stored_nor_logged_nor_echoed(make_site, tmp_path, capfd, reasons, wrong):
    site = make_site()
    response = site.post(
        entry(card=NAME, **{reasons: {**REASON, "userComment": SECRET}}, **wrong), headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert response.status_code == (400 if "outcome" in wrong else 200)
    site.flush()
    written = capfd.readouterr()
    everything = response.text + written.out + written.err + "".join(str(path.read_bytes()) for path in tmp_path.iterdir())
    assert "patient-refuses" in everything or wrong
    assert not [canary for canary in (SECRET, NAME, TOKEN) if canary in everything]


@pytest.mark.row("CH-FB-10")
def test_ch_fb_10_a_site_may_keep_comments_encrypted(make_site, tmp_path, capfd):
    site = make_site(comment_key=COMMENT_KEY)
    body = entry(overrideReason={"userComment": SECRET})
    assert site.post(body).status_code == 200
    (row,) = site.stored()
    assert SECRET not in row["comment"]
    assert not [path for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()]
    assert SECRET not in capfd.readouterr().err
    ((report, comment),) = read_comments(site.wire.settings.database, read_key(COMMENT_KEY))
    assert (report.card, comment) == (row["card"], SECRET)
    assert site.post(body).status_code == 200
    assert site.stored() == [row]


@pytest.mark.row("CH-FB-10")
def test_ch_fb_10_a_comment_cannot_be_read_with_another_key_or_at_another_report(make_site):
    site = make_site(comment_key=COMMENT_KEY)
    site.post(entry(overrideReason={"userComment": SECRET}))
    with pytest.raises(CommentKeyError):
        read_comments(site.wire.settings.database, bytes(range(64)))
    ((report, _),) = read_comments(site.wire.settings.database, read_key(COMMENT_KEY))
    with pytest.raises(CommentKeyError):
        unseal(report._replace(card="another"), read_key(COMMENT_KEY))


@pytest.mark.row("CH-FB-11")
@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-11-20T12:00:00Z", "2026-11-20 12:00:00.000000"),
        ("2026-11-20T13:00:00+01:00", "2026-11-20 12:00:00.000000"),
        ("2026-11-20T07:00:00.25-05:00", "2026-11-20 12:00:00.250000"),
        ("2026-11-20T12:00:00.123456789Z", "2026-11-20 12:00:00.123456"),
        ("2026-11-20t12:00:00z", "2026-11-20 12:00:00.000000"),
        ("2024-02-29T23:30:00-01:00", "2024-03-01 00:30:00.000000"),
    ],
)
def test_ch_fb_11_times_of_any_offset(site, text, stored):
    assert site.post(entry(outcomeTimestamp=text)).status_code == 200
    assert [row["outcome_at"] for row in site.stored()] == [stored]


@pytest.mark.row("CH-FB-11")
def test_ch_fb_11_the_clock_of_the_client_may_be_a_day_ahead(site):
    now = datetime.now(UTC)
    assert site.post(entry(outcomeTimestamp=(now + timedelta(hours=23)).isoformat())).status_code == 200
    response = site.post(entry(outcomeTimestamp=(now + timedelta(hours=25)).isoformat()))
    assert response.status_code == 400
    assert response.json()["issue"][0]["expression"] == ["feedback[0].outcomeTimestamp"]
    assert len(site.stored()) == 1


@pytest.mark.row("CH-FB-11")
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T12:00:00",
        "2026-11-20",
        "2026-11-20T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-20T25:00:00Z",
        "1732104000",
        1732104000,
        None,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-20T12:00:00+99:99",
    ],
)
def test_ch_fb_11_what_is_no_time(site, text):
    assert site.post(entry(outcomeTimestamp=text)).status_code == 400


@pytest.mark.row("CH-FB-09", "CH-HTTP-03")
def test_without_a_database_feedback_is_refused_and_hooks_are_answered(make_site, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    site = make_site(database_url=f"sqlite:///{tmp_path}/file/feedback.sqlite3")
    refused = site.post(ENTRY)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.json()["issue"][0]["code"] == "transient"
    assert site.wire.call(request()).status_code == 200
    assert capfd.readouterr().err.count("store cannot be written") == 1


def test_a_store_that_was_never_opened_refuses(make_wire):
    response = make_wire().request("POST", f"/cds-services/{SERVICE}/feedback", json={"feedback": [ENTRY]})
    assert response.status_code == 503


@pytest.mark.row("CH-FB-10", "CH-SEC-19")
def test_one_log_line_a_call(site, capfd):
    site.post(entry(card="x", outcome="accepted", overrideReason={"userComment": SECRET}))
    (line,) = [json.loads(text) for text in capfd.readouterr().err.splitlines()]
    assert {name: line[name] for name in ("event", "service", "client", "status", "warnings")} == {
        "event": "feedback",
        "service": SERVICE,
        "client": "anonymous",
        "status": 200,
        "warnings": ["feedback-acceptedSuggestions"],
    }


def calls(site: Site) -> list[dict[str, Any]]:
    """The audit record, once it is written."""
    site.flush()
    return site.stored("calls")


@pytest.mark.row("CH-SEC-19")
@pytest.mark.parametrize(
    ("body", "outcome", "status", "topics"),
    [
        (request(), "cards", 200, "dmtSwitch msc"),
        (request(prefetch=prefetch(conditions=None)), "silent", 200, ""),
        (request(prefetch=prefetch(conditions=operation_outcome())), "dataUnavailable", 412, ""),
        ({}, "refused", 400, ""),
    ],
)
def test_ch_sec_19_each_call_leaves_one_audit_event(site, body, outcome, status, topics):
    site.wire.call(body)
    (event,) = calls(site)
    assert (event["service"], event["client"], event["outcome"], event["status"]) == (SERVICE, "anonymous", outcome, status)
    assert (event["topics"], event["content_hash"]) == (topics, "0" * 64)
    assert event["duration_ms"] > 0


def test_the_ids_of_audit_events_are_in_their_order(site):
    for _ in range(5):
        site.wire.call(request(prefetch=prefetch(conditions=None)))
    ids = [event["id"] for event in calls(site)]
    assert ids == sorted(set(ids))
    assert len(ids) == 5


def test_a_failed_call_leaves_one_audit_event(make_site):
    def broken(_call, _values, _as_of):
        raise ValueError(NAME)

    core = fake.core()
    site = make_site(type(core)(core.version, core.hash, core.hooks, broken))
    site.wire.call(request())
    assert [event["outcome"] for event in calls(site)] == ["failed"]
    assert site.stored("shown") == []


def test_an_unknown_service_is_not_named_in_the_audit_record(site):
    site.wire.call(request(), service=NAME.replace(" ", ""))
    assert [(event["service"], event["outcome"]) for event in calls(site)] == [("unknown", "refused")]


@pytest.mark.parametrize("profile", ["interop", "epic"])
def test_each_card_leaves_a_record_that_it_was_shown(make_site, profile):
    def with_summaries(call, values, as_of):
        opinion = fake.advise(call, values, as_of)
        cards = tuple(
            card.model_copy(update={"extension": {"org.ranvier.explanation": {"summaryId": f"s{n}"}}})
            for n, card in enumerate(opinion.cards)
        )
        return type(opinion)(cards, opinion.applies)

    core = fake.core()
    site = make_site(type(core)(core.version, core.hash, core.hooks, with_summaries), profile=profile)
    uuids = shown(site)
    site.flush()
    rows = {row["card"]: row for row in site.stored("shown")}
    assert list(rows) == uuids
    assert [(row["topic"], row["summary"]) for row in rows.values()] == [("dmtSwitch", "s0"), ("msc", "s1")]
    assert {(row["service"], row["client"], row["content_version"], row["content_hash"]) for row in rows.values()} == {
        (SERVICE, "anonymous", "test", "0" * 64)
    }


@pytest.mark.row("CH-SEC-15", "CH-SEC-19")
def test_ch_sec_19_nothing_of_the_patient_is_on_disk(make_site, tmp_path):
    site = make_site()
    site.wire.call(request(), headers={"Authorization": f"Bearer {TOKEN}"})
    site.flush()
    everything = "".join(str(path.read_bytes()) for path in tmp_path.iterdir())
    assert "dmtSwitch" in everything
    assert not [canary for canary in (NAME, MRN, TOKEN, "1990-05-05", "pat-1", "24700007") if canary in everything]


def test_many_reports_at_once_are_all_kept(site):
    cards = [f"4e0a3a1e-3283-4575-ab82-0000000{n:05d}" for n in range(60)]

    async def post_all():
        path = f"/cds-services/{SERVICE}/feedback"
        return await asyncio.gather(*(site.wire.send("POST", path, {"json": {"feedback": [entry(card=card)]}}) for card in cards))

    assert {response.status_code for response in site.wire.run(post_all())} == {200}
    assert sorted(row["card"] for row in site.stored()) == cards


def test_examples_hold_to_their_schema_and_are_stored(site):
    document = site.wire.request("GET", "/openapi.json").json()
    content = document["paths"]["/cds-services/{service}/feedback"]["post"]["requestBody"]["content"]["application/json"]
    schema = Draft202012Validator({"$ref": content["schema"]["$ref"], "components": document["components"]})
    for example in content["examples"].values():
        schema.validate(example["value"])
        assert site.post(body=example["value"]).status_code == 200
    assert len(site.stored()) == 2
