"""MRI reports in words (clinical-rules F5): what each phrase says of new, enlarging and enhancing lesions."""

import math

import pytest
from activity_charts import activity_rules
from reading_charts import definitions

from cds.patient.activity.report_text import ReportReader
from cds.patient.rules import RulesError, parse_rules
from cds.patient.words.vocabulary import ReportWords
from cds.three_valued import Bounds

NONE, ONE, TWO, THREE = (Bounds.exactly(number) for number in range(4))
SOME, SEVERAL = Bounds.at_least(1), Bounds.at_least(2)

# text, new, enlarging, gd, clean
CLEAN = [
    ("No new or enlarging T2 lesions. No gadolinium-enhancing lesions.", NONE, NONE, NONE, True),
    ("Stable T2 lesions, unchanged. No new lesions.", NONE, NONE, None, True),
    ("No new, enlarging, or enhancing lesions.", NONE, NONE, NONE, True),
    ("No new T2 or enhancing lesions", NONE, None, NONE, True),
    ("No evidence of new or active demyelination.", NONE, None, NONE, True),
    ("Stable appearance compared with 12 March 2025.", NONE, NONE, None, True),
    ("Stable MRI.", NONE, NONE, None, True),
    ("Stable.", NONE, NONE, None, True),
    ("Unchanged lesion burden since July 2024. No abnormal enhancement.", NONE, NONE, NONE, True),
    ("No interval change.", NONE, NONE, None, True),
    ("No significant interval change in the lesion burden compared to prior study of 03/04/2025.", NONE, NONE, None, True),
    ("There is no abnormal gadolinium enhancement. T2 lesions are stable.", NONE, NONE, NONE, True),
    ("MS plaques unchanged. No pathological contrast enhancement.", NONE, NONE, NONE, True),
    ("Numerous T2 lesions. No change since 2023. No enhancement after gadolinium.", NONE, NONE, NONE, True),
    ("There has been no progression of the lesion load", NONE, NONE, None, True),
    ("no definite new lesions", NONE, None, None, True),
    ("no evidence of disease activity", NONE, NONE, NONE, True),
    ("Radiologically stable disease.", NONE, NONE, None, True),
    ("No white matter lesions.", NONE, NONE, NONE, True),
    ("Normal brain MRI.", NONE, NONE, NONE, True),
    ("No new supratentorial or infratentorial lesions.", NONE, None, None, True),
    ("Contrast-enhanced MRI of the brain. No new lesion.", NONE, None, None, True),
    ("Previously enhancing lesion no longer enhances. No new lesions.", NONE, None, None, True),
    ("Mild progression of atrophy. No new lesions.", NONE, None, None, True),
    ("No new lesions. New sinus mucosal thickening.", NONE, None, None, True),
    ("No evidence of PML. No new lesions.", NONE, None, None, True),
    ("Indication: MS, new lesions? Findings: No new lesions. Impression: Stable disease.", NONE, NONE, None, True),
    ("New T2 lesions: none. Gd lesions: 0.", NONE, None, NONE, True),
    ("No significant increase in lesion load.", NONE, NONE, None, True),
    ("The lesions have not enlarged. No new lesions.", NONE, NONE, None, True),
    ("Lesions have not increased in size or number.", NONE, NONE, None, True),
    ("None of the lesions is new.", NONE, NONE, None, True),
    ("No lesions are new or enlarging.", NONE, NONE, None, True),
    ("New or enhancing lesions are not seen.", NONE, None, NONE, True),
    ("New lesions were not identified. Enhancement is absent.", NONE, None, NONE, True),
    ("The scan does not show new lesions.", NONE, None, None, True),
    ("New T2 lesions: not seen.", NONE, None, None, True),
    ("Zero new lesions.", NONE, None, None, True),
    ("No new T2w lesion", NONE, None, None, True),
    ("No evidence for new or enlarging T2 lesions, and no evidence for gadolinium enhancing T1 lesions.", NONE, NONE, NONE, True),
    ("No lesion shows enhancement. No new lesions.", NONE, None, NONE, True),
    ("No MRI signs of disease activity.", NONE, NONE, NONE, True),
    ("New T2 lesions 0; Gd lesions 0", NONE, None, NONE, True),
    ("Similar lesion burden to 2025.", NONE, NONE, None, True),
    ("I do not see any new lesion.", NONE, None, None, True),
    ("No new lesions, no enlarging lesions and no enhancement.", NONE, NONE, NONE, True),
    ("No new lesions. Developmental venous anomaly with enhancement.", NONE, None, None, True),
    ("No new lesions. Capillary telangiectasia with faint enhancement in the pons.", NONE, None, None, True),
    ("No new lesions. Enhancement of the right facial nerve.", NONE, None, None, True),
    ("No new lesions. Enhancing skull lesion, unchanged.", NONE, NONE, None, True),
    ("No new lesions. The enhancing lesion in the right frontal lobe on that exam has resolved.", NONE, None, None, True),
    ("New: none; enlarging: none; enhancing: none", NONE, None, NONE, True),
    ("IV contrast: none. No new lesions.", NONE, None, None, True),
    ("MRI without contrast: no new lesions.", NONE, None, None, True),
]
ACTIVE = [
    ("3 new T2 lesions. 1 gadolinium-enhancing lesion.", THREE, None, ONE, False),
    ("2 new T2, 1 Gd+", TWO, None, ONE, False),
    ("New T2 lesion activity.", SOME, None, None, False),
    ("multiple new T2 lesions.", SEVERAL, None, None, False),
    ("Several new lesions are seen.", SEVERAL, None, None, False),
    ("New periventricular and juxtacortical lesions.", SEVERAL, None, None, False),
    ("2 enlarging T2 lesions.", None, TWO, None, False),
    ("Enlarging T2 lesion activity.", None, SOME, None, False),
    ("One lesion has increased in size.", None, ONE, None, False),
    ("The left frontal lesion is larger than before.", None, SOME, None, False),
    ("Two new and one enlarging lesion.", TWO, ONE, None, False),
    ("T2 lesions: 3 new, 1 enlarging, 1 enhancing.", THREE, ONE, ONE, False),
    ("Gadolinium enhancement is present.", None, None, SOME, False),
    ("multiple gadolinium-enhancing lesions.", None, None, SEVERAL, False),
    ("Ring-enhancing lesion in the corpus callosum.", None, None, SOME, False),
    ("Lesion with ring enhancement in the right parietal lobe", None, None, SOME, False),
    ("single new contrast enhancing lesion", ONE, None, ONE, False),
    ("Three new T2 lesions, one of which enhances.", THREE, None, ONE, False),
    ("No new T2 lesions. One enhancing lesion in the left frontal lobe.", NONE, None, ONE, False),
    ("No enhancement, 3 new T2 lesions.", THREE, None, NONE, False),
    ("None of the lesions enhance. Two new lesions.", TWO, None, NONE, False),
    ("A new non-enhancing T2 lesion.", ONE, None, NONE, False),
    ("No enhancing lesions; however there are two new T2 lesions.", TWO, None, NONE, False),
    ("No new lesions other than a single new left frontal lesion.", ONE, None, None, False),
    ("No new lesions except for one in the pons.", ONE, None, None, False),
    ("There are 2-3 new lesions.", Bounds(2, 3), None, None, False),
    ("At least two new lesions.", SEVERAL, None, None, False),
    ("About five new T2 lesions.", SEVERAL, None, None, False),
    ("New lesions x3", THREE, None, None, False),
    ("New lesions (n=4), none enhancing", Bounds.exactly(4), None, NONE, False),
    ("New T2 lesions: 3. Gd lesions: 0.", THREE, None, NONE, False),
    ("5 mm new lesion in the pons.", SOME, None, None, False),
    ("The largest new lesion measures 5 mm. There are 3 new lesions.", THREE, None, None, False),
    ("Interval development of two new periventricular lesions", TWO, None, None, False),
    ("newly appeared T2 lesion", SOME, None, None, False),
    ("Interval increase in number of T2 lesions.", SOME, None, None, False),
    ("Marked increase in T2 lesion load.", SOME, None, None, False),
    ("Significant increase in lesion load with 8 new lesions, 4 of which enhance.", Bounds.exactly(8), None, Bounds.exactly(4), False),
    ("Findings: New lesion left frontal. New lesion right pons. Impression: Two new T2 lesions.", TWO, None, None, False),
    ("No restricted diffusion, 3 new T2 lesions.", THREE, None, None, False),
    ("There is no hydrocephalus but there are 2 new lesions.", TWO, None, None, False),
    ("T1 Gd+ 2; new T2 4", Bounds.exactly(4), None, TWO, False),
    ("New T2 lesion left pons, not present on prior; enhancing", SOME, None, None, False),
    ("Two foci of enhancement.", None, None, TWO, False),
    ("White matter lesions are grossly stable with the exception of a new punctate focus.", ONE, None, None, False),
    ("One new lesion in the left frontal lobe. Another new lesion in the pons.", Bounds(1, 2), None, None, False),
    ("Impression: No new lesions. ADDENDUM 09/06/2026: One new lesion in the left temporal lobe was overlooked.", ONE, None, None, False),
    ("A large number of new lesions.", SEVERAL, None, None, False),
    ("new: 2, gd: 0", TWO, None, NONE, False),
    ("No new lesions; however, the right thalamic lesion has increased in size and the ventricles are normal.", NONE, SOME, None, False),
    ("A handful of new T2 lesions.", SEVERAL, None, None, False),
    ("A cluster of enhancing lesions.", None, None, SEVERAL, False),
    ("A dozen new lesions.", Bounds.exactly(12), None, None, False),
    ("Half a dozen new lesions.", Bounds.exactly(6), None, None, False),
    ("Dozens of enhancing lesions.", None, None, SEVERAL, False),
    ("Fifteen new lesions.", Bounds.exactly(15), None, None, False),
    ("Both enhancing and non-enhancing lesions are seen.", None, None, SEVERAL, False),
    ("Enhancing lesion in the pons; the frontal lesion no longer enhances.", None, None, SOME, False),
    ("Acute lesion in the pons. One new T2 lesion.", SOME, None, None, False),
]
OPEN = [
    ("Possible new lesion in the right cerebellar peduncle.", None, None, None, None),
    ("A new lesion cannot be excluded.", None, None, None, None),
    ("Equivocal enhancing lesion in the pons.", None, None, None, None),
    ("Follow-up MRI to exclude new lesions.", None, None, None, None),
    ("Monitor for new lesions in six months.", None, None, None, None),
    ("No enhancing lesions.", None, None, NONE, None),
    ("No active lesions.", None, None, NONE, None),
    ("Multiple lesions, all non-enhancing.", None, None, NONE, None),
    ("Numerous white matter lesions typical of MS.", None, None, None, None),
    ("No new infratentorial lesions.", None, None, None, None),
    ("Most lesions are stable; one has enlarged.", None, None, None, None),
    ("Some lesions unchanged, others new.", None, None, None, None),
    ("Progression of demyelinating disease.", None, None, None, None),
    ("Enhancing meningioma, unchanged.", None, None, None, None),
    ("Leptomeningeal enhancement.", None, None, None, None),
    ("No prior study for comparison. Multiple periventricular lesions. No new lesions.", None, None, None, None),
    ("Impression: Stable MS. Findings: One new lesion.", None, None, None, None),
    ("The patient is clinically stable.", None, None, None, None),
    ("Relapsing-remitting MS, newly diagnosed.", None, None, None, None),
    ("No new lesions. Subtle new signal in the pons.", None, None, None, None),
    ("No oedema, mass effect or new lesions.", None, None, None, None),
    ("No evidence of hydrocephalus or enhancing lesion.", None, None, None, None),
    ("New lesions were not clearly delineated.", None, None, None, None),
    ("New lesions cannot be assessed.", None, None, None, None),
    ("Fewer than 3 new lesions.", None, None, None, None),
    ("The new lesion seen in 2024 is unchanged.", None, None, None, None),
    ("In 2024 there were 3 new lesions; today none.", None, None, None, None),
    ("No increase in size of the right frontal lesion.", None, None, None, None),
    ("The right frontal lesion is stable.", None, None, None, None),
    ("Stable lesions. A lesion not seen on the previous scan is noted in the thalamus.", None, None, None, None),
    ("Otherwise unchanged. An additional lesion is seen in the pons.", None, None, None, None),
    ("Stable lesion load with disease activity.", None, None, None, None),
    ("MS lesions are not stable.", None, None, None, None),
    ("Disease no longer stable.", None, None, None, None),
    ("Unstable lesion load.", None, None, None, None),
    ("Stable?", None, None, None, None),
    ("Not a normal MRI.", None, None, None, None),
    ("Abnormal brain MRI.", None, None, None, None),
    ("The right frontal lesion, previously 4 mm, now measures 8 mm.", None, None, None, None),
    ("Increased conspicuity of lesions due to technique.", None, None, None, None),
    ("Lesion count: 12 (previously 12).", None, None, None, None),
    ("There is now a lesion in the medulla. Otherwise no change.", None, None, None, None),
    ("Acute lesion in the pons. Old lesions unchanged.", None, None, None, None),
    ("A fresh plaque in the cerebellum. Lesions stable.", None, None, None, None),
    ("A lesion has appeared in the thalamus. Old lesions unchanged.", None, None, None, None),
    ("More lesions than on the prior exam. No new enhancement.", None, None, NONE, None),
    ("No new T2 hyperintensities. Several new nonspecific T2 foci likely ischemic.", None, None, None, None),
    ("New DWI-positive lesion in the left hemisphere, acute infarct.", None, None, None, None),
    ("New lesion, not typical for MS.", None, None, None, None),
    ("One new T2 lesion in the left frontal lobe is suspected.", None, None, None, None),
    ("Lesions are minimally larger, possibly technical.", None, None, None, None),
    ("Extra-axial enhancing lesion, likely meningioma. No new T2 lesions.", NONE, None, None, None),
    ("Gd not given. New T2 lesions: N/A.", None, None, None, None),
    ("New T2 lesions: pending. Gd lesions: see text.", None, None, None, None),
    ("New T2 lesions: ?", None, None, None, None),
    ("New T2 lesions: - Gd lesions: -", None, None, None, None),
    ("New T2 lesions: Yes / No", None, None, None, None),
    ("New T2 lesions: [ ] yes [x] no", None, None, None, None),
    ("New T2 lesions? No.", None, None, None, None),
    ("Enhancing lesions: n/a. New lesions: not stated", None, None, None, None),
    ("Severely motion degraded, non-diagnostic study. No new lesion.", None, None, None, None),
    ("Aspect stable. Une nouvelle lésion frontale gauche.", None, None, None, None),
    ("Lésions stables. Charge lésionnelle stable, deux nouvelles lésions avec prise de contraste.", None, None, None, None),
    ("Keine Gd+ Läsionen. Neue Läsion im Pons.", None, None, None, None),
    ("Two new lesions. Addendum: the lesions were present on the prior MRI, no new lesions.", None, None, None, None),
    ("", None, None, None, None),
]


def read(text, **options):
    return activity_rules().reports.read(text, **options)


@pytest.mark.parametrize(
    ("text", "new", "enlarging", "gd", "clean"), [*CLEAN, *ACTIVE, *OPEN], ids=lambda value: value[:60] if isinstance(value, str) else ""
)
def test_report(text, new, enlarging, gd, clean):
    said = read(text)
    assert (said.new, said.enlarging, said.gd, said.clean) == (new, enlarging, gd, clean)


def test_table_is_wide_enough():
    assert len(CLEAN) + len(ACTIVE) + len(OPEN) >= 60


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Marked increase in T2 lesion load.", True),
        ("T2 lesion load has increased markedly.", True),
        ("Substantial progression of white matter disease.", True),
        ("No significant increase in lesion load.", False),
        ("3 new T2 lesions.", False),
    ],
)
def test_marked_increase(text, marked):
    assert read(text).marked_increase is marked


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("No new lesions. Comparison: MRI of 2024-07.", "2024-07"),
        ("Stable compared with 12 March 2025.", "2025-03-12"),
        ("Unchanged since July 2024.", "2024-07"),
        ("No change vs 2023.", "2023"),
        ("Comparison: 2022-01-10, 2024-03-05. Findings: stable.", "2024-03-05"),
        ("Compared to the study of 03/04/2025: stable.", "2025-03-04 to 2025-04-03"),
        ("No new lesions.", "None"),
    ],
)
def test_comparison_scan(text, compared):
    assert str(read(text).compared_with) == compared


@pytest.mark.parametrize(
    ("text", "pml"),
    [
        ("Appearance suspicious for progressive multifocal leukoencephalopathy.", True),
        ("New T2 hyperintense lesion; PML cannot be excluded.", True),
        ("No evidence of PML.", False),
        ("PML surveillance MRI. No new lesions.", False),
        ("Stable.", False),
    ],
)
def test_pml(text, pml):
    assert read(text).pml is pml


def test_a_cord_report_speaks_of_the_cord():
    text = "No new cord lesions."
    assert read(text, cord=True).clean is True
    assert read(text).clean is None


def test_what_is_read_is_shown():
    assert read("3 new T2 lesions since 2024-07.").phrases == ("3 new T2 lesions",)
    assert "not understood" in read("Progression of demyelinating disease.").note
    assert "contradicts" in read("Impression: Stable MS. Findings: One new lesion.").note


def test_several_mentions_are_at_least_the_largest_and_at_most_their_sum():
    assert read("2 new lesions in the left and 3 new lesions in the right hemisphere.").new == Bounds(3, 5)
    assert math.isinf(read("New lesions. One new lesion in the pons.").new.high)


@pytest.mark.parametrize(
    "filler", ["no evidence of new ", "new and ", "lesion with ", "3 new T2 ", "(", "enhancing ", "a a a ", "since 2024 ", "§¤ "]
)
def test_long_reports_are_read_in_time(filler):
    assert read(filler * 3000) is not None


def test_a_bad_pattern_is_named():
    words = parse_rules(ReportWords, definitions(), "ranvier-reading-mri")
    numbers = activity_rules().numbers.rules
    with pytest.raises(RulesError, match=r"ranvier-reading-mri.*no regular expression"):
        ReportReader.of(words.model_copy(update={"stable": ("(stable",)}), numbers)
    with pytest.raises(RulesError, match="there is no term <lesoin>"):
        ReportReader.of(words.model_copy(update={"stable": ("<lesoin> stable",)}), numbers)
