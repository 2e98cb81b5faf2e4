"""What a site sets, over the wire: topics, cap, suggestions, language, client profile, and what order-sign repeats."""

import functools

import pytest

from cds.api.advice import core_of, policy_of
from cds.content import default_root, load_content
from cds.evidence.load import ContentError
from cds.protocol.discovery import SERVICES
from cds.settings import Settings
from cds.vignette.patients import load_patients

PATIENTS = load_patients(default_root() / "seeds" / "patients")
SERVICE_OF = {service.hook: service.id for service in SERVICES}
content = functools.cache(load_content)


@pytest.fixture
def ask(make_wire):
    """The cards that a site with these settings shows for a synthetic patient."""

    def cards(id, hook=None, headers=None, **settings):
        patient = PATIENTS[id]
        wire = make_wire(core_of(content(), policy_of(Settings(**settings))), as_of=patient.as_of, **settings)
        answer = wire.call(patient.expand().request(hook or patient.hook), SERVICE_OF[hook or patient.hook], headers=headers or {})
        assert answer.status_code == 200
        return answer.json()["cards"]

    return cards


def topics(cards):
    return [card["source"]["topic"]["code"] for card in cards]


def test_topics_can_be_turned_off(ask):
    assert topics(ask("pregnant-relapsing")) == ["dmtSafety", "acuteRelapse", "dmtSwitch"]
    assert topics(ask("pregnant-relapsing", topics_off="acuteRelapse")) == ["dmtSafety", "dmtSwitch"]


def test_the_cap(ask):
    assert topics(ask("pregnant-relapsing", max_cards=1)) == ["dmtSafety"]


def test_suggestions_only_where_a_site_asks(ask):
    assert "suggestions" not in ask("ocrelizumab-failure")[0]
    (suggestion,) = ask("ocrelizumab-failure", suggestions=True)[0]["suggestions"]
    assert suggestion["actions"][0]["resource"]["subject"] == {"reference": "Patient/ocrelizumab-failure"}


@pytest.mark.parametrize(
    ("header", "setting", "words"),
    [
        ("", None, "Option named by guidelines:"),
        ("de-CH,de;q=0.9,en;q=0.5", None, "In Leitlinien genannte Option:"),
        ("es", None, "Opción citada en guías:"),
        ("fr", None, "Option named by guidelines:"),
        ("es", "de", "In Leitlinien genannte Option:"),
        ("de", "en", "Option named by guidelines:"),
    ],
)
def test_language_by_setting_or_header(ask, header, setting, words):
    (card,) = ask("dmf-failure", headers={"Accept-Language": header} if header else {}, language=setting)
    assert card["summary"].startswith(words)


def test_a_language_without_cards_stops_the_start():
    with pytest.raises(ContentError, match="RANVIER_LANGUAGE: there are no cards in 'fr'"):
        core_of(content(), policy_of(Settings(language="fr")))


def test_order_sign_repeats_what_is_a_matter_of_safety(ask):
    assert topics(ask("ocrelizumab-drafted-hbv-unknown", "order-sign")) == ["dmtSafety"]


def test_order_sign_repeats_all_where_a_site_wants_it(ask):
    assert topics(ask("ocrelizumab-drafted-hbv-unknown", "order-sign", repeat_at_sign=True)) == ["dmtEvidence", "dmtSwitch", "dmtSafety"]


def test_order_sign_says_all_where_order_select_is_not_offered(ask):
    shown = ask("ocrelizumab-drafted-hbv-unknown", "order-sign", services="ms-patient-view ms-order-sign")
    assert topics(shown) == ["dmtEvidence", "dmtSwitch", "dmtSafety"]


@pytest.mark.parametrize(
    ("profile", "extensions"),
    [
        ("interop", {"org.ranvier.explanation"}),
        ("sandbox", {"org.ranvier.explanation"}),
        ("strict", {"org.ranvier.explanation"}),
        ("epic", {"com.epic.cdshooks.card.detail.content-type"}),
        ("oracle", set()),
    ],
)
def test_the_profile_decides_on_extensions(ask, profile, extensions):
    assert set(ask("dmf-failure", profile=profile)[0].get("extension", {})) == extensions
