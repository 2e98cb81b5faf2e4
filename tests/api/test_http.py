"""Methods, addresses, media types, limits and the order of checks (contract 2.3)."""

from __future__ import annotations

import json
import uuid

import pytest

from cds.settings import Settings
from tests.api import samples

CALL = "/cds-services/ms-patient-view"
BODY = json.dumps(samples.request()).encode()
JSON = {"Content-Type": "application/json"}


@pytest.mark.row("CH-HTTP-01", "CH-RESP-04")
def test_ch_http_01_success_is_200(wire):
    assert wire.call(samples.request()).status_code == 200


@pytest.mark.row("CH-HTTP-03", "CH-ERR-05")
@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", CALL, {"content": b"{", "headers": JSON}, 400),
        ("POST", "/cds-services/no-such-service", {"content": BODY, "headers": JSON}, 404),
        ("POST", "/cds-services/ms-patient-view/x/y", {"content": BODY, "headers": JSON}, 404),
        ("GET", "/nowhere", {}, 404),
        ("DELETE", CALL, {}, 405),
        ("POST", "/cds-services", {"content": BODY, "headers": JSON}, 405),
        ("PUT", "/healthz", {}, 405),
        ("POST", CALL, {"content": BODY, "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
def test_ch_http_03_status_codes(wire, method, path, options, status):
    response = wire.request(method, path, **options)
    assert response.status_code == status
    assert ("allow" in response.headers) is (status == 405)


@pytest.mark.row("CH-HTTP-04")
@pytest.mark.parametrize(
    "body",
    [{}, {"hook": "patient-view"}, samples.request(hook="order-sign"), samples.request(context=...), samples.request(hook=...), []],
    ids=["empty", "no context", "wrong hook", "context left out", "hook left out", "array"],
)
def test_ch_http_04_bad_request_is_never_404(wire, body):
    assert wire.call(body).status_code == 400


@pytest.mark.row("CH-HTTP-05")
@pytest.mark.parametrize("path", ["/cds-services/", "/cds-services//", "//cds-services"])
def test_ch_http_05_slashes_on_discovery_do_not_redirect(wire, path):
    plain = wire.request("GET", "/cds-services")
    response = wire.request("GET", f"http://ranvier.test{path}")
    assert (response.status_code, response.content) == (200, plain.content)


@pytest.mark.row("CH-HTTP-05")
@pytest.mark.parametrize("service", ["ms-patient-view/", "/ms-patient-view", "/ms-patient-view/", "ms-patient-view//"])
def test_ch_http_05_slashes_on_a_service_do_not_redirect(wire, service):
    assert wire.call(samples.request(), service).status_code == 200
    assert wire.call({}, service).status_code == 400


@pytest.mark.row("CH-HTTP-06")
@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("APPLICATION/JSON; charset=UTF-8", 200),
        ("application/json;charset=iso-8859-1", 200),
        ("application/fhir+json", 200),
        ("application/json+fhir; fhirVersion=4.0", 200),
        ("text/plain", 415),
        ("application/xml", 415),
        ("multipart/form-data", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_ch_http_06_media_types(wire, media_type, status):
    headers = {} if media_type is None else {"Content-Type": media_type}
    assert wire.request("POST", CALL, content=BODY, headers=headers).status_code == status


@pytest.mark.row("CH-HTTP-06")
@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("identity", 200)])
def test_ch_http_06_compressed_bodies_are_not_read(wire, encoding, status):
    assert wire.call(samples.request(), headers={"Content-Encoding": encoding}).status_code == status


@pytest.mark.row("CH-HTTP-06")
@pytest.mark.parametrize("accept", ["application/json+fhir", "text/html", "image/png", "*/*;q=0"])
def test_ch_http_06_accept_is_ignored(wire, accept):
    assert wire.call(samples.request(), headers={"Accept": accept}).headers["content-type"] == "application/json"


@pytest.mark.row("CH-HTTP-07")
def test_ch_http_07_head_on_discovery(wire):
    get, head = wire.request("GET", "/cds-services"), wire.request("HEAD", "/cds-services")
    assert (head.status_code, head.content) == (200, b"")
    different = {"x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in different} == {n: v for n, v in get.headers.items() if n not in different}


@pytest.mark.row("CH-HTTP-07")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_ch_http_07_other_methods_on_a_service(wire, method):
    response = wire.request(method, CALL)
    assert (response.status_code, response.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.row("CH-HTTP-08")
@pytest.mark.parametrize(
    ("service", "headers", "body", "status"),
    [
        ("no-such", {"Content-Type": "text/plain", "Content-Length": "999999999"}, b"{", 413),
        ("no-such", {"Content-Type": "text/plain"}, b"{", 404),
        ("ms-patient-view", {"Content-Type": "text/plain"}, b"{", 415),
        ("ms-patient-view", JSON, b"{", 400),
    ],
    ids=["size before route", "route before media type", "media type before JSON", "JSON"],
)
def test_ch_http_08_order_of_checks(wire, service, headers, body, status):
    assert wire.request("POST", f"/cds-services/{service}", content=body, headers=headers).status_code == status


@pytest.mark.row("CH-HTTP-08")
def test_ch_http_08_schema_before_hook_before_data(wire):
    schema = wire.call(samples.request(hook="order-sign", hookInstance=..., prefetch=...)).json()
    assert [issue["expression"] for issue in schema["issue"]] == [["hookInstance"]]
    hook = wire.call(samples.request(hook="order-sign", prefetch=...)).json()
    assert [issue["expression"] for issue in hook["issue"]] == [["hook"]]
    assert wire.call(samples.request(prefetch=...)).status_code == 412


@pytest.mark.row("CH-HTTP-09")
def test_ch_http_09_ten_mebibytes_are_accepted(wire):
    padding = "x" * (10 * 1024 * 1024 - len(BODY) - 20)
    assert wire.call(samples.request(padding=padding)).status_code == 200


@pytest.mark.row("CH-HTTP-09")
@pytest.mark.parametrize("chunked", [False, True])
def test_ch_http_09_more_than_the_limit_is_413(make_wire, chunked):
    wire = make_wire(max_body_bytes=10 * 1024 * 1024)
    body = b" " * (10 * 1024 * 1024 + 1)

    async def parts():
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    response = wire.request("POST", CALL, content=parts() if chunked else body, headers=JSON)
    assert response.status_code == 413


@pytest.mark.row("CH-HTTP-09")
@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"hook":"patient-view","prefetch":{"patient":['], ids=["arrays", "objects", "in prefetch"]
)
def test_ch_http_09_deep_json_is_refused(wire, opening):
    assert wire.call(opening * 100_000).status_code == 400


@pytest.mark.row("CH-GEN-04")
@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + BODY,
        BODY.replace(b'"pat-1"', b"NaN", 1),
        BODY.replace(b'"pat-1"', b"Infinity", 1),
        BODY.replace(b"Canaryname", b"\xff\xfe", 1),
        BODY[:-1] + b",}",
        b"// comment\n" + BODY,
        BODY + b"{}",
        b"",
        b"null",
        b'"text"',
        BODY.decode().encode("utf-16"),
    ],
    ids=["BOM", "NaN", "Infinity", "not UTF-8", "trailing comma", "comment", "two documents", "empty", "null", "string", "UTF-16"],
)
def test_ch_gen_04_only_strict_json_is_read(wire, body):
    assert wire.call(body).status_code == 400


@pytest.mark.row("CH-GEN-04")
def test_ch_gen_04_duplicate_names_are_tolerated(wire):
    assert wire.call(BODY[:-1] + b',"hook":"patient-view"}').status_code == 200


@pytest.mark.row("CH-HTTP-10")
def test_ch_http_10_a_request_id_is_kept_or_made(wire):
    known = str(uuid.uuid4())
    assert wire.call(samples.request(), headers={"X-Request-Id": known}).headers["x-request-id"] == known
    made = wire.call(samples.request(), headers={"X-Request-Id": samples.MRN}).headers["x-request-id"]
    assert uuid.UUID(made).version == 4
    assert wire.request("GET", "/nowhere").headers["x-request-id"] != made


def test_operation_addresses(wire):
    assert wire.request("GET", "/healthz").json() == {"status": "ok"}
    ready = wire.request("GET", "/readyz").json()
    assert (ready["status"], ready["contentVersion"]) == ("ready", "test")
    wire.call(samples.request())
    assert 'ranvier_calls_total{client="anonymous",outcome="cards",service="ms-patient-view"}' in wire.request("GET", "/metrics").text


def test_a_path_prefix_of_a_proxy_may_stay_or_be_stripped(make_wire):
    wire = make_wire(root_path="/ranvier")
    assert wire.request("GET", "/ranvier/cds-services").status_code == 200
    assert wire.request("GET", "/cds-services").status_code == 200
    assert wire.request("POST", "/ranvier" + CALL, content=BODY, headers=JSON).status_code == 200


def test_settings_refuse_a_limit_under_ten_mebibytes():
    with pytest.raises(ValueError, match="max_body_bytes"):
        Settings(max_body_bytes=1000)


@pytest.mark.parametrize("address", ["ms-patient-view", "ms-patient-view/feedback"])
def test_ch_sec_19_the_line_of_a_call_is_written_when_its_answer_is_on_the_way(make_wire, capfd, address):
    wire = make_wire()
    before_the_answer = []

    async def call():
        async def receive():
            return {"type": "http.request", "body": BODY}

        async def send(message):
            before_the_answer.append(capfd.readouterr().err)

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": f"/cds-services/{address}", "headers": headers, "query_string": b""}
        await wire.app(scope, receive, send)

    capfd.readouterr()
    wire.run(call())
    assert before_the_answer == ["", ""]
    assert '"request_id"' in capfd.readouterr().err
