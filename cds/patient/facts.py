"""The vocabulary of facts: every name a criterion may test, its kind, its words and its meaning.

Readers in `cds.patient` provide exactly these facts; `ranvier content check` holds criteria to them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["word", "flag", "number"]


class FactKind(Struct, frozen=True):
    """What a fact can be: one of `words`, a truth, or a number in `unit`."""

    kind: Kind
    meaning: str
    words: tuple[str, ...] = ()
    unit: str = ""


def _word(meaning: str, *words: str) -> FactKind:
    return FactKind("word", meaning, words=words)


def _flag(meaning: str) -> FactKind:
    return FactKind("flag", meaning)


def _number(meaning: str, unit: str) -> FactKind:
    return FactKind("number", meaning, unit=unit)


SUBJECTS: dict[str, dict[str, FactKind]] = {
    "Who this is": {  # F16, F18
        "person.age": _number("Age on the day of the advice.", "years"),
        "person.sex": _word("Administrative sex as recorded.", "female", "male", "other"),
        "person.deceased": _flag("Recorded as deceased."),
        "pregnancy": _word("Pregnancy on the day of the advice (F18).", "present", "absent", "notApplicable"),
        "pregnancy.intention": _flag("A wish to conceive is recorded."),
        "breastfeeding": _flag("Breastfeeding is recorded."),
        "contraception": _word("Contraception as recorded.", "used", "notUsed"),
    },
    "Diagnosis": {  # F1–F3, F16
        "ms": _word("MS diagnosis (F1). CIS or RIS alone is absent.", "present", "suspected", "absent", "excluded"),
        "ms.orCis": _flag("MS present, or CIS as the current state."),
        "ms.previouslyResolved": _flag("The problem list marks MS resolved while an MS drug runs."),
        "subtype": _word("Course (F3); the furthest state on the path wins.", "ris", "cis", "rrms", "spms", "ppms", "prms"),
        "course.progressive": _flag("A progressive course is recorded, whatever its subtype."),
        "course.relapsing": _flag("A relapsing course is recorded, whatever its subtype."),
        "course.aggressive": _flag("Malignant or Marburg variant, or recorded as aggressive."),
        "mimic": _word("A disease that imitates MS (F2): withhold therapy, possible, or none recorded.", "withhold", "possible", "none"),
        "disease.durationYears": _number("Years since first symptom, else since diagnosis (F16).", "years"),
        "disease.yearsSinceDiagnosis": _number("Years since MS was diagnosed.", "years"),
    },
    "Activity": {  # F4–F7
        "activity": _word("Disease activity over the last 12 months (F6); unknown is indeterminate.", "active", "notActive"),
        "activity.current": _word("Activity that the present treatment has not answered (F7).", "active", "notActive", "notYetAssessable"),
        "relapses.last6Months": _number("Confirmed relapses in the last 6 months (F4).", "relapses"),
        "relapses.last12Months": _number("Confirmed relapses in the last 12 months (F4).", "relapses"),
        "relapses.last24Months": _number("Confirmed relapses in the last 24 months (F4).", "relapses"),
        "relapses.last60Months": _number("Confirmed relapses in the last 60 months (F4).", "relapses"),
        "relapse.latest": _word("The latest attack, if any is recorded in the last 24 months.", "relapse", "uncertain", "possible", "none"),
        "relapse.latestDaysAgo": _number("Days since onset of the latest attack (confirmed or uncertain).", "days"),
        "relapse.steroidSinceOnset": _flag("A high-dose corticosteroid course since onset of the latest attack (confirmed or uncertain)."),
        "relapse.infectionNear": _flag("Infection or fever within the pseudo-relapse window of the latest attack (F4)."),
        "mri.activeLast12Months": _flag("A Gd lesion or a new or enlarging T2 lesion on a scan of the last 12 months (F5)."),
        "mri.gdLesionsLast12Months": _number("Most Gd lesions on one scan of the last 12 months.", "lesions"),
        "mri.markedT2IncreaseLast12Months": _flag("A marked increase in T2 lesions is reported in the last 12 months."),
        "mri.newLesionsLast36Months": _number(
            "New or enlarging T2 lesions and Gd lesions over the last 36 months, read as such.", "lesions"
        ),
    },
    "Disability": {  # F8–F10
        "edss": _number("Latest EDSS within 24 months (F8).", "EDSS points"),
        "worsening.last12Months": _flag("Confirmed worsening (F9, default rule) in the last 12 months."),
        "worsening.last24Months": _flag("Confirmed worsening (F9, default rule) in the last 24 months."),
        "worsening.course": _word(
            "Latest confirmed worsening: relapse-associated, independent of relapse, or neither (F10).", "raw", "pira", "neither"
        ),
    },
    "Treatment": {  # F11–F15
        "treatment.readable": _flag("Medication data were answered and no MS drug was refused (F14)."),
        "dmt.noneRecorded": _flag("Readable, and no DMT ever (F14)."),
        "dmt.untreated": _flag("Readable, nothing acting or residual (F14)."),
        "dmt.naive": _flag("No DMT recorded and diagnosis at most 24 months old (F14)."),
        "dmt.everCount": _number("Distinct DMTs ever taken.", "drugs"),
        "dmt.acting": _word("The DMT acting now, by drug id, or none.", "*"),
        "dmt.actingTier": _word("Tier of the DMT acting now (F15).", "high", "moderate", "differs", "notClassified", "none"),
        "dmt.actingMonths": _number("Months the DMT acting now has been taken.", "months"),
        "dmt.plannedOrDrafted": _flag("A DMT is planned or drafted and not yet taken."),
        "breakthrough.actingLast12Months": _flag("Breakthrough (F12, F12e) in the last 12 months on the DMT acting now."),
        "worsening.actingLast12Months": _flag("Confirmed worsening (F9) in the last 12 months on the DMT acting now."),
        "failures.any": _number("Distinct DMTs that ever failed, worsening-only included (F13).", "drugs"),
        "failures.inflammatory": _number("Distinct DMTs that ever failed by breakthrough or recorded lack of efficacy (F13).", "drugs"),
        "failures.highEfficacy": _number("High-efficacy DMTs that ever failed by breakthrough or recorded lack of efficacy.", "drugs"),
        "failures.highEfficacyEstablished": _number("The same, early activity (F12e) left out.", "drugs"),
        "failures.differsOrEarly": _number(
            "Failed drugs whose tier differs between lists, and high-efficacy drugs failed by early activity only.", "drugs"
        ),
        "rebound.window": _flag("In the rebound window of a stopped drug (F11)."),
        "natalizumab.stoppedMonthsAgo": _number("Months since natalizumab was stopped (last infusion).", "months"),
        "natalizumab.stoppedForFailure": _flag("Natalizumab was stopped because it failed."),
        "natalizumab.exposureMonths": _number("Months of natalizumab, all episodes together.", "months"),
        "natalizumab.pmlPerThousand": _number("PML on natalizumab by the published table, in the present period.", "per 1,000"),
        "antiCd20.ever": _flag("An anti-CD20 DMT was ever taken."),
        "antiCd20.failed": _flag("Breakthrough or confirmed worsening on an anti-CD20 DMT."),
        "immunosuppression.prior": _flag("An immunosuppressant of the PML strata was taken before (F19)."),
    },
    "Cell therapy": {  # F17
        "priorHsct": _word(
            "Earlier stem-cell transplantation (F17).",
            "none",
            "autologousForMs",
            "autologousIndicationUnknown",
            "autologousOther",
            "allogeneic",
            "harvestOnly",
            "planned",
            "clinicStemCells",
        ),
        "priorHsct.forMs": _flag("Autologous HSCT for MS, indication-unknown counted as such with a flag (F17)."),
        "priorHsct.monthsAgo": _number("Months since autologous HSCT for MS.", "months"),
        "msc.recorded": _flag("Mesenchymal stem-cell treatment is recorded."),
        "msc.paidClinic": _flag("Stem-cell treatment at a paying clinic is recorded."),
        "nsc.recorded": _flag("Neural stem-cell treatment is recorded."),
        "esc.recorded": _flag("Embryonic stem-cell treatment is recorded."),
        "ipsc.recorded": _flag("Induced pluripotent stem-cell treatment is recorded."),
        "vesicles.recorded": _flag("MSC-derived vesicle (exosome) treatment is recorded."),
        "carT.recorded": _flag("CAR-T cell treatment is recorded."),
        "treg.recorded": _flag("Regulatory T-cell treatment is recorded."),
        "tolerogenicDc.recorded": _flag("Tolerogenic dendritic-cell treatment is recorded."),
        "tCellVaccination.recorded": _flag("T-cell vaccination is recorded."),
        "ebvTCells.recorded": _flag("EBV-specific T-cell treatment is recorded."),
    },
    "Cautions that gate options": {  # F19; the full list of cautions stands in the safety matrix
        "pml": _word("Progressive multifocal leukoencephalopathy (F19).", "confirmed", "suspected", "none"),
        "myelodysplasia": _flag("Myelodysplastic syndrome is recorded."),
        "seriousInfection": _flag("Active serious infection is recorded, tuberculosis included."),
        "hiv": _word("HIV infection from diagnoses and screening.", "positive", "negative"),
        "hepatitisB": _word("Hepatitis B from diagnoses and serology (F19).", "active", "past", "immune", "negative"),
        "hepatitisC": _word("Hepatitis C from diagnoses and serology.", "active", "resolved", "negative"),
        "malignancy": _word("Malignancy (F19).", "active", "past", "none"),
        "jcv.antibody": _word("Latest JC virus antibody result.", "positive", "negative"),
        "jcv.index": _number("Latest JC virus antibody index.", "index"),
    },
    "Further cautions": {  # tested by the safety matrix (section 4) and the PML strata
        "caution.hypersensitivity.interferonBeta": _flag("Hypersensitivity to interferon beta is recorded."),
        "caution.hypersensitivity.glatiramer": _flag("Hypersensitivity to glatiramer is recorded."),
        "caution.hypersensitivity.mannitol": _flag("Hypersensitivity to mannitol is recorded."),
        "caution.hypersensitivity.teriflunomide": _flag("Hypersensitivity to teriflunomide or leflunomide is recorded."),
        "caution.hypersensitivity.fumarates": _flag("Hypersensitivity to a fumarate is recorded."),
        "caution.hypersensitivity.fingolimod": _flag("Hypersensitivity to fingolimod is recorded."),
        "caution.hypersensitivity.siponimod": _flag("Hypersensitivity to siponimod is recorded."),
        "caution.hypersensitivity.ozanimod": _flag("Hypersensitivity to ozanimod is recorded."),
        "caution.hypersensitivity.ponesimod": _flag("Hypersensitivity to ponesimod is recorded."),
        "caution.hypersensitivity.cladribine": _flag("Hypersensitivity to cladribine is recorded."),
        "caution.hypersensitivity.natalizumab": _flag("Hypersensitivity to natalizumab is recorded."),
        "caution.hypersensitivity.ocrelizumab": _flag("Hypersensitivity to ocrelizumab is recorded."),
        "caution.hypersensitivity.ofatumumab": _flag("Hypersensitivity to ofatumumab is recorded."),
        "caution.hypersensitivity.ublituximab": _flag("Hypersensitivity to ublituximab is recorded."),
        "caution.hypersensitivity.rituximab": _flag("Hypersensitivity to rituximab is recorded."),
        "caution.hypersensitivity.alemtuzumab": _flag("Hypersensitivity to alemtuzumab is recorded."),
        "caution.hypersensitivity.mitoxantrone": _flag("Hypersensitivity to mitoxantrone is recorded."),
        "caution.hypersensitivity.methylprednisolone": _flag("Hypersensitivity to methylprednisolone is recorded."),
        "caution.anaphylaxis.glatiramer": _flag("Anaphylaxis to glatiramer is recorded."),
        "caution.anaphylaxis.ocrelizumab": _flag("Anaphylaxis or a life-threatening reaction to ocrelizumab is recorded."),
        "caution.depression": _flag("Depression or suicidality is recorded, past or present."),
        "caution.suicidality": _flag("Suicidality is recorded, past or present."),
        "caution.seizures": _flag("Epilepsy or seizures are recorded."),
        "caution.thromboticMicroangiopathy": _flag("Thrombotic microangiopathy is recorded."),
        "caution.hepaticFailure": _flag("Liver failure or severe hepatic impairment is recorded."),
        "caution.cirrhosis": _flag("Cirrhosis of the liver is recorded."),
        "caution.liverDisease": _flag("Any liver disease is recorded."),
        "caution.liverInjury": _flag("Toxic or acute liver injury is recorded."),
        "caution.altTimesUln": _number("Latest ALT.", "times the upper limit of normal"),
        "caution.alt.monthsAgo": _number("Months since the latest ALT.", "months"),
        "caution.cardiacDisease": _flag("Heart failure, infarction, unstable angina, arrhythmia or high-grade block at any time."),
        "caution.heartFailure": _flag("Heart failure is recorded."),
        "caution.recentCardiovascularEvent": _flag(
            "Infarction, unstable angina, stroke, TIA or heart failure within 6 months (S1P labels)."
        ),
        "caution.stroke": _flag("Stroke or TIA is recorded, at any time."),
        "caution.avBlock": _flag("Mobitz II, third-degree block or sick sinus syndrome without a pacemaker."),
        "caution.sinoatrialBlock": _flag("Sinoatrial block without a pacemaker."),
        "caution.pacemaker": _flag("A pacemaker is recorded."),
        "caution.longQt": _flag("Prolonged QT is recorded as a diagnosis."),
        "caution.qtc": _number("Latest QTc.", "ms"),
        "caution.ecg.monthsAgo": _number("Months since the latest QTc.", "months"),
        "caution.lvef": _number("Latest left ventricular ejection fraction.", "%"),
        "caution.lvef.monthsAgo": _number("Months since the latest ejection fraction.", "months"),
        "caution.drug.antiarrhythmicIaIII": _flag("An antiarrhythmic of class Ia or III is taken."),
        "caution.drug.maoInhibitor": _flag("A MAO inhibitor is taken."),
        "caution.drug.leflunomide": _flag("Leflunomide is taken."),
        "caution.drug.dimethylFumarate": _flag("Dimethyl fumarate is taken."),
        "caution.drug.diroximelFumarate": _flag("Diroximel fumarate is taken."),
        "caution.sleepApnoea": _flag("Sleep apnoea is recorded."),
        "caution.severeSleepApnoea": _flag("Severe sleep apnoea is recorded; whether it is treated is rarely said."),
        "caution.cyp2c9": _word("CYP2C9 genotype.", "*3/*3", "*1/*3", "*2/*3", "other"),
        "caution.macularOedema": _flag("Macular edema is recorded."),
        "caution.diabetes": _flag("Diabetes is recorded."),
        "caution.bone": _flag("Osteoporosis or osteonecrosis is recorded."),
        "caution.lymphocytes": _number("Latest absolute lymphocyte count.", "10*9/L"),
        "caution.lymphocytes.belowNormal": _flag("Latest lymphocyte count below the laboratory's lower limit."),
        "caution.lymphocytes.monthsLow": _number("How long the lymphocyte count has been below 0.8; 0 if the latest is not.", "months"),
        "caution.lymphocytes.monthsAgo": _number("Months since the latest lymphocyte count.", "months"),
        "caution.neutrophils": _number("Latest neutrophil count.", "10*9/L"),
        "caution.platelets": _number("Latest platelet count.", "10*9/L"),
        "caution.platelets.monthsAgo": _number("Months since the latest platelet count.", "months"),
        "caution.cytopenia": _flag("Lymphopenia, neutropenia, thrombocytopenia or aplastic anaemia is recorded."),
        "caution.igg": _number("Latest immunoglobulin G.", "g/L"),
        "caution.igg.belowNormal": _flag("Latest immunoglobulin G below the laboratory's lower limit."),
        "caution.igg.monthsAgo": _number("Months since the latest immunoglobulin G.", "months"),
        "caution.immunodeficiency": _flag("Immunodeficiency is recorded, not the drug-induced kind."),
        "caution.tuberculosis": _word("Tuberculosis from diagnoses and interferon-gamma tests.", "active", "latent", "negative"),
        "caution.vzvIgg": _word("Latest varicella-zoster IgG.", "positive", "negative"),
        "caution.jcv.monthsAgo": _number("Months since the latest JC virus antibody or index.", "months"),
        "caution.skinCancer": _flag("Skin cancer of any kind is recorded, past or present."),
        "caution.thyroidMelanomaOrLymphoma": _flag("Thyroid cancer, melanoma or lymphoproliferative disease, past or present."),
        "caution.itp": _flag("Immune thrombocytopenia is recorded."),
        "caution.thyroidDisease": _flag("Thyroid disease is recorded."),
        "caution.nephropathy": _flag("Glomerular disease is recorded."),
        "caution.autoimmunity": _flag("Autoimmune disease other than MS is recorded."),
        "caution.bleedingDisorder": _flag("A bleeding disorder is recorded."),
        "caution.renalImpairment": _flag("Severe renal impairment is recorded."),
        "caution.dialysis": _flag("Dialysis is recorded."),
        "caution.egfr": _number("Latest estimated glomerular filtration rate.", "mL/min/1.73m2"),
        "caution.creatinine": _number("Latest serum creatinine.", "umol/L"),
        "caution.creatinine.monthsAgo": _number("Months since the latest creatinine.", "months"),
        "caution.tsh": _number("Latest TSH.", "mU/L"),
        "caution.tsh.monthsAgo": _number("Months since the latest TSH.", "months"),
        "caution.chestPain": _flag("Chest pain is recorded within 12 months."),
        "caution.seriousGi": _flag("Gastrointestinal perforation, haemorrhage or obstruction is recorded."),
        "caution.teriflunomideLevel": _number("Latest teriflunomide plasma level.", "mg/L"),
        "caution.mitoxantroneCumulative": _number("Recorded mitoxantrone, all infusions together; a lower bound.", "mg/m2"),
        "caution.gestationWeeks": _number("Completed weeks of the present pregnancy.", "weeks"),
        "caution.addiction": _flag("Substance use disorder is recorded."),
        "caution.cognition": _flag("Dementia or cognitive impairment is recorded."),
    },
    "The order of this call": {  # order-select, order-sign
        "order.transplant": _flag("Autologous stem-cell transplantation is ordered or referred for."),
        "order.dmt": _flag("A DMT is drafted."),
        "order.msc": _flag("Mesenchymal stem-cell treatment is ordered."),
        "order.nsc": _flag("Neural stem-cell treatment is ordered."),
        "order.esc": _flag("Embryonic stem-cell treatment is ordered."),
        "order.ipsc": _flag("Induced pluripotent stem-cell treatment is ordered."),
        "order.vesicles": _flag("MSC-derived vesicle treatment is ordered."),
        "order.carT": _flag("CAR-T cell treatment is ordered."),
        "order.treg": _flag("Regulatory T-cell treatment is ordered."),
        "order.tolerogenicDc": _flag("Tolerogenic dendritic-cell treatment is ordered."),
        "order.tCellVaccination": _flag("T-cell vaccination is ordered."),
        "order.ebvTCells": _flag("EBV-specific T-cell treatment is ordered."),
    },
}
"""What the facts are about, in the order in which a clinician reads a chart."""

CATALOGUE: dict[str, FactKind] = {name: kind for facts in SUBJECTS.values() for name, kind in facts.items()}
"""Fact name → kind. In `caution.*` a diagnosis absent from a complete list is false, a test that was not done unknown."""
