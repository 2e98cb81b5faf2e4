"""Notes in words (clinical-rules F4): dated relapses, counts, "none since", "last relapse 2016"."""

import pytest
from activity_charts import activity_rules
from reading_charts import definitions

from cds.fhir.dates import DateRange
from cds.patient.activity.relapse_text import NarrativeReader, NarrativeReading
from cds.patient.rules import RulesError, parse_rules
from cds.patient.words.vocabulary import NarrativeWords

WRITTEN = DateRange.parse("2026-09-15")

DATED = [
    ("Relapse in June 2026 treated with IV methylprednisolone.", ["2026-06"]),
    ("MS relapse 2026-06-01", ["2026-06-01"]),
    ("Last relapse in 2016.", ["2016"]),
    ("Last relapse was in March 2021 with optic neuritis.", ["2021-03"]),
    ("Most recent relapse: 2019", ["2019"]),
    ("Relapses in 2021, 2023 and March 2025.", ["2021", "2023", "2025-03"]),
    ("He relapsed in July 2026.", ["2026-07"]),
    ("2026-03-04: relapse with left arm weakness.", ["2026-03-04"]),
    ("Optic neuritis relapse on 12 May 2026", ["2026-05-12"]),
    ("Sensory relapse (2026-02) resolved", ["2026-02"]),
    ("MS flare 06/2026", ["2026-06"]),
    ("exacerbation of MS on 2026-08-09", ["2026-08-09"]),
    ("First attack in 2010, exacerbation 2026-07-14", ["2010", "2026-07-14"]),
    ("Relapse 3 weeks ago.", ["2026-08-22 to 2026-08-28"]),
    ("she had a relapse two months ago", ["2026-06-30 to 2026-07-30"]),
    ("Relapse history: 2015, 2018, 06/2026", ["2015", "2018", "2026-06"]),
    ("Relapse dates - 2024-05, 2026-06-03", ["2024-05", "2026-06-03"]),
    ("Relapse in spring 2025.", ["2025-03-01 to 2025-05-31"]),
]
SINCE = [
    ("No relapses since 2020.", "2020"),
    ("No relapse since starting ocrelizumab in 2024-03.", "2024-03"),
    ("No relapses in the last 12 months.", "2025-09-15"),
    ("No relapse for 6 years", "2020-09-15"),
    ("No relapse 6 y", "2020-09-15"),
    ("Patient has been relapse free for 5 years.", "2021-09-15"),
    ("3 years without relapse", "2023-09-15"),
    ("Last relapse in 2016.", "2016-01-02 to 2017-01-01"),
    ("Relapse-free since last visit.", "None"),
    ("Denies relapses.", "None"),
    ("No new relapses or attacks reported.", "None"),
    ("Relapses: none", "None"),
]
NOTHING = [
    "Pseudo-relapse in March 2026 with UTI.",
    "Panic attack in 2026-05.",
    "COPD exacerbation in 2026-01.",
    "Depression relapse in 2024.",
    "Relapsing remitting MS since 2019.",
    "Risk of relapse discussed 2026-05.",
    "If a relapse occurs after 2026 consider steroids.",
    "Mother had MS with relapse in 1990.",
    "Relapse rate 0.5 in 2024.",
    "Relapse prevention discussed in 2026-04.",
    "NMOSD relapse in 2025.",
]


def read(text, written=WRITTEN):
    return activity_rules().narratives.read(text, written)


@pytest.mark.parametrize(("text", "onsets"), DATED)
def test_dated_relapses(text, onsets):
    said = read(text)
    assert sorted(str(one.onset) for one in said.dated) == sorted(onsets)
    assert not any(one.doubtful for one in said.dated)


@pytest.mark.parametrize(("text", "since"), SINCE)
def test_no_relapse_since(text, since):
    said = read(text)
    assert [str(one.start) for one in said.counted] == [since]
    assert said.counted[0].number.exact == 0


@pytest.mark.parametrize("text", NOTHING)
def test_no_relapse_is_read(text):
    said = read(text)
    assert (said.dated, said.counted) == ([], [])


@pytest.mark.parametrize("text", ["Possible relapse in May 2026.", "?relapse 2026-05", "Suspected MS relapse on 2026-05-03."])
def test_doubtful_relapse(text):
    assert [one.doubtful for one in read(text).dated] == [True]


def test_may_is_a_month():
    assert [one.doubtful for one in read("On 3 May 2026 a relapse began 2026-06-01.").dated] == [False]


@pytest.mark.parametrize(
    ("text", "number", "since"),
    [
        ("2 relapses in the past year", 2, "2025-09-15"),
        ("Two relapses in the last 24 months.", 2, "2024-09-15"),
        ("Three relapses over the last two years.", 3, "2024-09-15"),
    ],
)
def test_counted_relapses(text, number, since):
    said = read(text)
    assert [(one.number.exact, str(one.start)) for one in said.counted] == [(number, since)]


@pytest.mark.parametrize(
    "text",
    [
        "MS flare Aug '26.",
        "Last seen with a relapse in May ’26",
        "Schub im August 2026 mit Hemiparese links.",
        "Akuter Schub, Kortisonstoß über 5 Tage.",
        "Poussée en août 2026, corticothérapie.",
        "Brote en agosto de 2026.",
        "Ricaduta ad agosto 2026.",
    ],
)
def test_a_relapse_whose_date_is_not_understood_is_not_passed_over(text):
    said = read(text)
    assert (said.dated, said.counted, said.undated) == ([], [], True)


@pytest.mark.parametrize(
    "text",
    ["Schubförmig remittierende MS.", "Keine Schübe seit 2024.", "Kein neuer Schub.", "Pas de poussée.", "Sin brotes.", "Schubfrei."],
)
def test_a_relapse_that_another_language_denies_is_none(text):
    assert not read(text).undated


def test_spans_mean_nothing_without_the_day_of_writing():
    said = read("Relapse 3 weeks ago. No relapses in the last 12 months.", None)
    assert said.dated == []
    assert [one.start for one in said.counted] == [None]


def test_a_bad_pattern_is_named():
    words = parse_rules(NarrativeWords, definitions(), "ranvier-reading-relapses")
    with pytest.raises(RulesError, match="ranvier-reading-relapses"):
        NarrativeReader.of(words.model_copy(update={"none": ("(no",)}), activity_rules().numbers.rules)


@pytest.mark.parametrize("filler", ["relapse in ", "no new relapse ", "2024 relapse ", "attack of MS "])
def test_a_sentence_too_long_to_be_one_is_not_read(filler):
    assert read(filler * 3000).unread


def test_a_long_note_without_a_word_on_relapses_says_nothing_of_them():
    assert read("2024 " * 3000) == NarrativeReading()
