"""Vignette lines: every form is read, written back the same, and refused with a message that helps."""

import pytest

from cds.vignette import Line, VignetteError, format_lines, parse
from cds.vignette.grammar import FORM, FORMS

FORMS_READ = [
    ("RRMS since 2019", Line("diagnosis", "RRMS", on="2019")),
    ("rrms 2019-03", Line("diagnosis", "RRMS", on="2019-03")),
    ("MS (icd10 G35)", Line("diagnosis", "MS", options=(("icd10", "G35"),))),
    ("non-active SPMS since 2020", Line("diagnosis", "non-active SPMS", on="2020")),
    ("PPMS since 2022, symptoms since 2020-11", Line("diagnosis", "PPMS", on="2022", options=(("symptoms since", "2020-11"),))),
    ("RRMS since 2019 (resolved 2024)", Line("diagnosis", "RRMS", on="2019", options=(("resolved", "2024"),))),
    ("EDSS 3.5 on 2026-05-10", Line("edss", value="3.5", on="2026-05-10")),
    ("EDSS 4 2026 (text)", Line("edss", value="4", on="2026", options=(("text", ""),))),
    ("relapse 2026-05", Line("relapse", on="2026-05")),
    ("relapse 6 weeks ago (encounter)", Line("relapse", on="6 weeks ago", options=(("encounter", ""),))),
    ("relapse count 0 on 2026-05", Line("relapse count", value="0", on="2026-05")),
    ("infection 2026-05-01", Line("infection", on="2026-05-01")),
    ("fever 2026-05-01", Line("fever", on="2026-05-01")),
    ("steroids 2026-05-01", Line("steroids", on="2026-05-01")),
    ("MRI 2024-07: clean", Line("mri", on="2024-07", options=(("clean", ""),))),
    (
        "MRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)",
        Line("mri", on="2026-09", options=(("new T2", "3"), ("Gd", "1"), ("vs", "2024-07"))),
    ),
    (
        "MRI 2026-09: new T2, no Gd, marked increase",
        Line("mri", on="2026-09", options=(("new T2", ""), ("no Gd", ""), ("marked increase", ""))),
    ),
    ('MRI 2026: text "One lesion, enhancing (1 Gd)."', Line("mri", on="2026", options=(("text", "One lesion, enhancing (1 Gd)."),))),
    ("ocrelizumab since 2024-01, last 2026-07", Line("drug", "ocrelizumab", on="2024-01", options=(("last", "2026-07"),))),
    ("DMF 2019-05 to 2021-06", Line("drug", "dimethyl fumarate", on="2019-05", until="2021-06")),
    ("alemtuzumab courses 2023-02 2024-02", Line("drug", "alemtuzumab", value="2023-02 2024-02")),
    (
        "natalizumab 2021 to 2024-05-01, stopped: JCV index 2.9",
        Line("drug", "natalizumab", on="2021", until="2024-05-01", options=(("stopped", "JCV index 2.9"),)),
    ),
    (
        "fingolimod since 2020, stopped (code lack-of-efficacy)",
        Line("drug", "fingolimod", on="2020", options=(("stopped", ""), ("code", "lack-of-efficacy"))),
    ),
    ("rituximab since 2024 (for rheumatoid arthritis)", Line("drug", "rituximab", on="2024", options=(("for", "rheumatoid arthritis"),))),
    ('"Tysabri 300 mg" since 2022', Line("drug", '"Tysabri 300 mg"', on="2022")),
    ("ozanimod (planned)", Line("drug", "ozanimod", options=(("planned", ""),))),
    ("visit 2026-05-01", Line("visit", on="2026-05-01")),
    ("pregnant 9 weeks", Line("pregnant", value="9")),
    ("9 weeks pregnant", Line("pregnant", value="9")),
    ("pregnant 2024-01 to 2024-10", Line("pregnant", on="2024-01", until="2024-10")),
    ("pregnant since 2026-09", Line("pregnant", on="2026-09")),
    ("pregnancy test positive 2026-11-01", Line("pregnancy test", value="positive", on="2026-11-01")),
    ("not pregnant 2026-10", Line("not pregnant", on="2026-10")),
    ("gave birth 2026-10", Line("gave birth", on="2026-10")),
    ("breastfeeding 2026-10", Line("breastfeeding", on="2026-10")),
    ("not breastfeeding 2026-10", Line("not breastfeeding", on="2026-10")),
    ("wishes to conceive 2026-10", Line("wishes to conceive", on="2026-10")),
    ("contraception 2026-10", Line("contraception", on="2026-10")),
    ("no contraception 2026-10", Line("no contraception", on="2026-10")),
    ("lab JCV index 2.9 on 2026-01", Line("lab", "JCV index", "2.9", "2026-01")),
    ("lab anti-HBc positive on 2026-01", Line("lab", "anti-HBc", "positive", "2026-01")),
    ("lab HBV DNA positive on 2026-01", Line("lab", "HBV DNA", "positive", "2026-01")),
    ("lab VZV IgG negative on 2026-01", Line("lab", "VZV IgG", "negative", "2026-01")),
    ("lab CYP2C9 *3/*3 on 2026-01", Line("lab", "CYP2C9", "*3/*3", "2026-01")),
    ('lab CYP2C9 phenotype "poor metaboliser" on 2026', Line("lab", "CYP2C9 phenotype", "poor metaboliser", "2026")),
    ("condition heart failure 2020-01", Line("condition", "heart failure", on="2020-01")),
    ('condition "reflux" 2020', Line("condition", '"reflux"', on="2020")),
    ("code Z94.84 2020", Line("code", value="Z94.84", on="2020")),
    ("family history of MS", Line("family history", "MS")),
    ("allergy ocrelizumab 2024 (anaphylaxis)", Line("allergy", "ocrelizumab", on="2024", options=(("anaphylaxis", ""),))),
    ("AHSCT 2022-05, for MS", Line("procedure", "AHSCT", on="2022-05", options=(("for", "MS"),))),
    ("AHSCT planned 2027-01", Line("procedure", "AHSCT", "planned", "2027-01")),
    ("AHSCT cancelled", Line("procedure", "AHSCT", "cancelled")),
    ("stem cells at a clinic 2024", Line("procedure", "stem cells at a clinic", on="2024")),
    ("CAR-T 2025-01", Line("procedure", "CAR-T", on="2025-01")),
    ("vaccination varicella 2020", Line("vaccination", value="varicella", on="2020")),
    ("order ocrelizumab", Line("order", "ocrelizumab")),
    ("order AHSCT (referral)", Line("order", "AHSCT", options=(("referral", ""),))),
    ('order "MRI brain"', Line("order", '"MRI brain"')),
    ('note "EDSS was 4.5, stable" on 2026-01', Line("note", value="EDSS was 4.5, stable", on="2026-01")),
    ("no medications key", Line("missing", "medications")),
    ("medications refused", Line("refused", "medications")),
    ("observations unavailable", Line("unavailable", "observations")),
    ("conditions partial", Line("partial", "conditions")),
    ("observations null", Line("null", "observations")),
]


@pytest.mark.parametrize(("text", "line"), FORMS_READ, ids=[text for text, _ in FORMS_READ])
def test_every_form_is_read_and_written_back(text, line):
    _, read = parse(f"F34\n{text}")
    assert read == line
    assert parse(f"F34\n{read}")[1] == line


def test_no_form_is_left_untested():
    assert {line.kind for _, line in FORMS_READ} | {"header"} == set(FORM)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("F34", "F34"),
        ("m38 (born 1988-03)", "m38, born 1988-03"),
        ("F, deceased 2026-01", "F, deceased 2026-01"),
        ("F34, RRMS since 2019, symptoms since 2018, 9 weeks pregnant", "F34\nRRMS since 2019, symptoms since 2018\npregnant 9 weeks"),
        ("# seen twice\n\nX40\n\n  # and again\nvisit 2026", "X40\nvisit 2026"),
    ],
)
def test_header(text, written):
    assert format_lines(parse(text)) == written


@pytest.mark.parametrize(
    ("text", "number", "said"),
    [
        ("RRMS since 2019", 1, "begins with one header"),
        ("F34\nM38", 2, "begins with one header"),
        ("", 1, "begins with a header"),
        ("F34\n\nocrelizumb since 2024", 3, "did you mean ocrelizumab"),
        ("F34\nfluoxetine since 2024", 2, "docs/vignettes.md"),
        ("F34\nEDSS 3.5 on 2026-13", 2, "there is no day 2026-13"),
        ("F34\nEDSS 3.5 on 14.3.2026", 2, "expected EDSS NUMBER [on DATE]"),
        ("F34\nvisit 2026-02-30", 2, "there is no day 2026-02-30"),
        ("F34\nocrelizumab since 2024, last 2026-02-30", 2, "there is no day 2026-02-30"),
        ("F34\nocrelizumab 2024 to 2023", 2, "ends before it begins"),
        ("F34, pregnant 2024-05 to 2024-02", 1, "ends before it begins"),
        ("F34\nocrelizumab since 2024, sometimes", 2, "'sometimes' is no option of a drug line; it takes: absolute"),
        ('F34\nnote "no end on 2024', 2, "closing quotation mark"),
        ("F34\nlab JCV index 2.9 2024", 2, "expected lab NAME VALUE on DATE"),
        ("F34\nocrelizumab from 2024", 2, "expected NAME since DATE or NAME DATE to DATE"),
    ],
)
def test_errors_name_the_line_and_what_was_expected(text, number, said):
    with pytest.raises(VignetteError) as error:
        parse(text)
    assert error.value.number == number
    assert said in str(error.value)
    assert str(error.value).startswith(f"line {number}:")


def test_options_have_one_reading():
    """No two options of a form share a name, or the written line could be read otherwise."""
    from cds.vignette.grammar import option_name

    for form in FORMS:
        names = [option_name(template) for template in form.options]
        assert len(names) == len(set(names)), form.kind
