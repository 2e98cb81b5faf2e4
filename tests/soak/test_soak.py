"""The soak, short: the same load and the same mishaps in a few seconds."""

from __future__ import annotations

from cds.settings import Settings
from tests.soak.run import soak


def test_nothing_leaks_nothing_is_lost_and_nothing_fails_but_what_should(tmp_path, fhir_address, postgres):
    result = soak(tmp_path, fhir_address, postgres, workers=Settings().workers, seconds=3)
    assert result.faults == []
    assert result.told.answers["prefetched"]["200"]
    assert result.told.answers["fetched"]["200"]
    assert result.told.acknowledged
