"""Records → courses of treatment: merging, gaps, what is left open, what a later drug or a transplant ends (F11)."""

import itertools
from datetime import date

import pytest
from treatment_charts import AS_OF, day, exposures, record, rules

from cds.patient.treatment.exposure import Place
from cds.patient.treatment.rules import FOREVER


def only(*records, **options):
    (course,) = exposures(*records, **options)
    return course


def test_order_of_records_never_matters():
    records = [
        record("glatiramer", "ended", "2018-01-10", "2021-01-10"),
        record("glatiramer", "taken", "2022-03", supply_until="2027-01-01"),
        record("natalizumab", "given", "2021-02-01"),
        record("natalizumab", "given", "2021-03-01", ref="MedicationAdministration/2"),
    ]
    expected = exposures(*records)
    assert all(exposures(*shuffled) == expected for shuffled in itertools.permutations(records))


def test_doses_merge_within_the_time_the_drug_acts():
    course = only(record("ocrelizumab", "given", "2025-01-10"), record("ocrelizumab", "given", "2025-10-10"))
    assert [str(dose) for dose in course.doses] == ["2025-01-10", "2025-10-10"]


def test_doses_further_apart_than_the_drug_acts_are_two_courses():
    assert len(exposures(record("ocrelizumab", "given", "2025-01-10"), record("ocrelizumab", "given", "2025-10-11"))) == 2


def test_a_gap_that_may_be_none_is_none():
    assert len(exposures(record("ocrelizumab", "given", "2025-01"), record("ocrelizumab", "given", "2025-10-31"))) == 1


def test_yearly_renewals_without_supply_are_one_course():
    course = only(
        *(record("teriflunomide", "finished", f"{year}-01-10") for year in (2023, 2024, 2025)),
        record("teriflunomide", "taken", "2026-01-10"),
    )
    assert (str(course.start), course.ongoing) == ("2023-01-10", True)


def test_records_years_apart_without_supply_are_two_courses():
    assert len(exposures(record("teriflunomide", "finished", "2020-01-10"), record("teriflunomide", "taken", "2026-01-10"))) == 2


def test_undated_records_join_the_latest_course():
    first, second = exposures(
        record("glatiramer", "ended", "2015-01-10", "2016-01-10"),
        record("glatiramer", "taken", "2025-01-10", supply_until="2027-01-01"),
        record("glatiramer", "taken", ref="MedicationStatement/undated"),
    )
    assert "MedicationStatement/undated" in second.resources
    assert "MedicationStatement/undated" not in first.resources


def test_an_undated_order_alone_leaves_everything_open():
    course = only(record("natalizumab", "taken"))
    assert (course.start, course.ongoing, course.phase(AS_OF)) == (None, None, "unknown")


def test_open_order_with_infusions_acts_until_the_last_one_runs_out():
    records = [record("natalizumab", "taken", "2024-01-10"), record("natalizumab", "given", "2026-10-01", ref="MedicationAdministration/1")]
    assert only(*records).acting(AS_OF) is True
    assert only(*records, as_of=date(2026, 11, 26)).acting(date(2026, 11, 26)) is True
    assert only(*records, as_of=date(2026, 11, 27)).acting(date(2026, 11, 27)) is None


def test_belief_in_a_bare_order_ends():
    believed = rules().records.believed_active.after(date(2023, 1, 10))
    assert only(record("fingolimod", "taken", "2023-01-10"), as_of=believed).ongoing is True
    assert only(record("fingolimod", "taken", "2023-01-10"), as_of=date(2027, 1, 11)).ongoing is None


def test_a_bare_order_is_not_believed_where_supply_is_tracked():
    records = [record("fingolimod", "taken", "2023-01-10"), record("fingolimod", "given", "2025-01-10", supply_until="2025-04-10", ref="d")]
    assert only(*records).ongoing is None


def test_a_long_order_stopped_without_recorded_infusions_for_long():
    """One infusion in 2022 and a stop in 2026: whether infusions went on between is not known."""
    course = only(record("ocrelizumab", "given", "2022-01-10"), record("ocrelizumab", "ended", "2022-01-05", "2026-08-10"))
    assert course.place(day("2024-06-01")).at(Place.ACTING) is None
    assert course.place(day("2022-09-01")).at(Place.ACTING) is True


def test_a_stop_closes_an_older_order_of_the_drug():
    course = only(record("glatiramer", "taken", "2012-01-10"), record("glatiramer", "ended", "2013-01-10", "2020-05-10"))
    assert (str(course.end), course.ongoing) == ("2020-05-10", False)
    assert any("later stop" in note for note in course.notes)


def test_a_stop_and_a_new_order_on_one_day_are_a_change_of_order():
    course = only(
        record("glatiramer", "ended", "2020-01-10", "2026-05-10"), record("glatiramer", "taken", "2026-05-10", supply_until="2027-01-01")
    )
    assert course.ongoing is True


def test_supply_left_over_does_not_outlive_a_stop():
    course = only(
        record("fingolimod", "ended", "2022-01-10", "2026-07-01"),
        record("fingolimod", "given", "2026-06-10", supply_until="2026-09-08", ref="MedicationDispense/1"),
    )
    assert str(course.end) == "2026-07-01"


def test_an_old_open_order_ends_where_a_later_drug_takes_over():
    old, new = exposures(record("fingolimod", "taken", "2023-03-10"), record("natalizumab", "given", "2026-10-10"))
    assert (old.ongoing, str(old.end)) == (False, "2023-03-10 to 2026-10-10")
    assert new.ongoing is True
    assert old.place(day("2024-09-01")).at(Place.ACTING) is None


def test_an_old_open_order_stays_open_if_the_later_drug_is_over():
    old, _ = exposures(record("fingolimod", "taken", "2019-03-10"), record("glatiramer", "ended", "2020-10-10", "2021-10-10"))
    assert (old.ongoing, old.phase(AS_OF)) == (None, "unknown")


def test_a_drug_shown_in_use_after_the_later_one_began_is_not_ended_by_it():
    old, new = exposures(
        record("glatiramer", "taken", "2023-03-10", supply_until="2027-01-01"), record("natalizumab", "given", "2026-10-10")
    )
    assert (old.ongoing, new.ongoing) == (True, True)


def test_an_adjunct_ends_nothing():
    found = exposures(record("interferon-beta-1b", "taken", "2025-10-10"), record("azathioprine", "taken", "2026-01-10"))
    assert [course.ongoing for course in found] == [True, True]


def test_a_transplant_ends_open_orders_and_action():
    (course,) = exposures(record("ocrelizumab", "taken", "2023-03-10"), transplants=["2024-05-02"])
    assert course.ongoing is False
    (course,) = exposures(
        record("alemtuzumab", "given", "2022-02-10"), record("alemtuzumab", "given", "2023-02-10", ref="2"), transplants=["2024-05-02"]
    )
    assert course.phase(AS_OF) == "off"


def test_a_drug_begun_after_the_transplant_is_untouched():
    assert only(record("ocrelizumab", "given", "2026-03-10"), transplants=["2024-05-02"]).phase(AS_OF) == "acting"


def test_courses_of_an_induction_drug():
    course = only(*(record("alemtuzumab", "given", f"2023-02-{number:02}", ref=str(number)) for number in (6, 7, 8, 9, 10)),
                  *(record("alemtuzumab", "given", f"2024-02-{number:02}", ref=str(number + 10)) for number in (5, 6, 7)))  # fmt: skip
    assert [str(first) for first in course.courses] == ["2023-02-06", "2024-02-05"]
    assert (str(course.acts), str(course.wash_in)) == ("2028-02-07", "2024-08-05")


def test_a_long_order_of_an_induction_drug_holds_two_courses():
    course = only(record("cladribine", "finished", "2023-03-01", "2024-04-01"))
    assert [str(first) for first in course.courses] == ["2023-03-01", "2024-04-01"]
    assert not course.induction_incomplete


def test_a_family_continues_its_wash_in():
    first, second = exposures(
        record("dimethyl-fumarate", "ended", "2026-01-10", "2026-05-10"),
        record("diroximel-fumarate", "taken", "2026-05-11", supply_until="2027-01-01"),
    )
    assert first.continued_as == "diroximel fumarate"
    assert str(second.wash_in) == "2026-07-10"


def test_a_family_after_a_gap_begins_anew():
    _, second = exposures(
        record("dimethyl-fumarate", "ended", "2022-01-10", "2023-05-10"),
        record("diroximel-fumarate", "taken", "2026-05-11", supply_until="2027-01-01"),
    )
    assert str(second.wash_in) == "2026-11-11"


def test_a_record_in_doubt_alone_is_a_course_in_doubt():
    course = only(record("rituximab", "taken", "2026-05-10", doubt="indication unclear: no reason stated"))
    assert (course.doubt != "", course.phase(AS_OF)) == (True, "unknown")


def test_a_course_in_doubt_that_is_long_over_is_over():
    course = only(record("rituximab", "ended", "2010-05-10", "2011-05-10", doubt="indication unclear: no reason stated"))
    assert course.phase(AS_OF) == "off"


@pytest.mark.parametrize(
    ("on", "place"),
    [
        ("2024-01-09", Place.BEFORE),
        ("2024-01-10", Place.WASH_IN),
        ("2024-07-10", Place.WASH_IN),
        ("2024-07-11", Place.ACTING),
        ("2025-03-07", Place.ACTING),
        ("2025-03-08", Place.AFTER),
        ("2025-07-10", Place.AFTER),
        ("2025-07-11", Place.OFF),
    ],
)
def test_places_on_the_boundaries(on, place):
    course = only(record("natalizumab", "given", "2024-01-10", end="2025-01-10"))
    assert course.place(day(on)).at(place) is True


def test_a_month_across_a_boundary_may_be_on_either_side():
    places = only(record("natalizumab", "given", "2024-01-10", end="2025-01-10")).place(day("2024-07"))
    assert (places.first, places.last) == (Place.WASH_IN, Place.ACTING)
    assert places.at(Place.ACTING) is None
    assert places.at(Place.OFF) is False


def test_an_open_end_reaches_the_end_of_time():
    assert only(record("natalizumab", "taken", "2026-10-10")).acts.last == FOREVER
