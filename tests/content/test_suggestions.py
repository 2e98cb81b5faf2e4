"""Drafts that cards offer where a site asks for them: valid FHIR R4, never recommended; and the reasons to override."""

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds.advice import Policy, advise
from cds.api.cards import wire_cards
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.protocol.card import NON_ADHERENCE, OVERRIDE_REASONS, encode
from cds.vignette.patients import load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")


def sent(id, **policy):
    """The cards as they are sent, by topic."""
    import orjson

    patient = PATIENTS[id]
    chart, trigger = chart_of_request(patient.expand().request(patient.hook), CONTENT)
    advice = advise(CONTENT, chart, trigger, patient.as_of, Policy(**policy))
    cards = orjson.loads(encode(wire_cards(advice, CONTENT, patient_id=id)))["cards"]
    return {card["source"]["topic"]["code"]: card for card in cards}


@pytest.mark.parametrize("id", PATIENTS)
def test_off_unless_a_site_asks(id):
    for card in sent(id).values():
        assert "suggestions" not in card
        assert "selectionBehavior" not in card


@pytest.mark.parametrize("id", PATIENTS)
def test_valid_drafts_that_recommend_nothing(id):
    for topic, card in sent(id, suggestions=True).items():
        assert ("selectionBehavior" in card) is ("suggestions" in card)
        for suggestion in card.get("suggestions", ()):
            assert topic in ("missingData", "ahsct")
            assert card["selectionBehavior"] == "any"
            assert "isRecommended" not in suggestion
            assert len(suggestion["uuid"]) == 36
            (action,) = suggestion["actions"]
            assert action["type"] == "create"
            resource = action["resource"]
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            assert (resource["status"], resource["intent"]) == ("draft", "proposal")
            assert resource.get("subject", resource.get("for")) == {"reference": f"Patient/{id}"}


def test_what_is_offered_for_missing_data():
    labels = [suggestion["label"] for suggestion in sent("nearly-everything-missing", suggestions=True)["missingData"]["suggestions"]]
    assert labels == ["Draft: EDSS assessment", "Draft: MRI of the brain"]


def test_nothing_is_offered_that_the_chart_holds():
    assert "suggestions" not in sent("medications-unreadable", suggestions=True)["missingData"]


def test_a_referral_is_offered_where_transplantation_is_an_option():
    (suggestion,) = sent("ocrelizumab-failure", suggestions=True)["ahsct"]["suggestions"]
    assert suggestion["actions"][0]["resource"]["resourceType"] == "ServiceRequest"


@pytest.mark.parametrize("id", ["spms-worsening", "relapse-after-ahsct"])
def test_no_referral_where_it_is_not(id):
    assert "suggestions" not in sent(id, suggestions=True)["ahsct"]


def test_every_topic_has_four_to_six_reasons_to_override():
    """CH-CARD-08: from the specification's own code system, each with its display."""
    known = {reason.code for reason in OVERRIDE_REASONS}
    assert set(CONTENT.deck.wording.override_reasons) == set(CONTENT.deck.wording.topics)
    for topic, codes in CONTENT.deck.wording.override_reasons.items():
        assert 4 <= len(codes) <= 6, topic
        assert len(set(codes)) == len(codes)
        assert set(codes) <= known


@pytest.mark.parametrize("id", ["ocrelizumab-failure", "medications-unreadable", "pregnant-relapsing"])
def test_a_card_offers_the_reasons_of_its_topic(id):
    for topic, card in sent(id).items():
        assert [reason["code"] for reason in card["overrideReasons"]] == list(CONTENT.deck.wording.override_reasons[topic])
        assert all(reason["system"] == NON_ADHERENCE and reason["display"] for reason in card["overrideReasons"])
