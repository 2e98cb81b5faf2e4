"""Every topic speaks for at least two synthetic patients and stays silent for at least two near-misses, counted from the data."""

from collections import defaultdict
from typing import get_args

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.vignette.patients import Hook, load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
TOPICS = tuple(CONTENT.deck.wording.topics)


def spoken(patient):
    """The topics of all cards on all hooks."""
    requests = (patient.expand().request(hook) for hook in get_args(Hook))
    calls = (chart_of_request(request, CONTENT) for request in requests)
    return {card.topic for chart, trigger in calls for card in advise(CONTENT, chart, trigger, patient.as_of).cards}


SPOKEN = {id: spoken(patient) for id, patient in PATIENTS.items()}
SPEAKING, NEAR = defaultdict(list), defaultdict(list)
for name, topics in SPOKEN.items():
    for topic in topics:
        SPEAKING[topic].append(name)
    for topic in PATIENTS[name].near_misses:
        NEAR[topic].append(name)


@pytest.mark.parametrize("topic", TOPICS)
def test_at_least_two_patients_get_the_card(topic):
    assert len(SPEAKING[topic]) >= 2, SPEAKING[topic]


@pytest.mark.parametrize("topic", TOPICS)
def test_at_least_two_patients_narrowly_do_not(topic):
    assert len(NEAR[topic]) >= 2, NEAR[topic]


@pytest.mark.parametrize("id", [id for id, patient in PATIENTS.items() if patient.near_misses])
def test_a_near_miss_is_silent_on_every_hook(id):
    assert set(PATIENTS[id].near_misses) <= set(TOPICS)
    assert not SPOKEN[id] & set(PATIENTS[id].near_misses)
