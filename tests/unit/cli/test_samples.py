from __future__ import annotations

from huleedu_streams.cli.samples import SampleEssay, sample_essays
from huleedu_streams.domain.lifecycle import EssayStatus

A_SAMPLE = SampleEssay("essay-1", "Some txet.", EssayStatus.SPELLCHECKED_SUCCESS, at_least=1)
A_CLEAN_SAMPLE = SampleEssay(
    "essay-2", "Some text.", EssayStatus.SPELLCHECKED_SUCCESS, at_least=0, at_most=0
)
A_LOST_SAMPLE = SampleEssay("essay-3", None, EssayStatus.SPELLCHECK_FAILED)


def test_samples_are_a_dozen_texts_and_a_lost_one() -> None:
    essays = sample_essays()

    assert sum(essay.text is not None for essay in essays) == 12
    assert [essay.status for essay in essays if essay.text is None] == ["spellcheck_failed"]


def test_samples_have_unique_ids() -> None:
    ids = [essay.essay_id for essay in sample_essays()]

    assert len(set(ids)) == len(ids)


def test_every_sample_is_about_as_long_as_a_page() -> None:
    lengths = [len(essay.text.split()) for essay in sample_essays() if essay.text]

    assert all(100 <= length <= 250 for length in lengths)


def test_one_sample_is_clean() -> None:
    assert [essay.essay_id for essay in sample_essays() if essay.at_most == 0] == ["kitchen"]


def test_outcome_as_it_should_be_has_no_fault() -> None:
    assert A_SAMPLE.fault("spellchecked_success", 1) is None
    assert A_CLEAN_SAMPLE.fault("spellchecked_success", 0) is None
    assert A_LOST_SAMPLE.fault("spellcheck_failed", None) is None


def test_wrong_status_is_a_fault() -> None:
    assert A_SAMPLE.fault("spellcheck_failed", None) == (
        "essay-1 is spellcheck_failed, should be spellchecked_success"
    )
    assert A_LOST_SAMPLE.fault(None, None) == "essay-3 is unknown, should be spellcheck_failed"


def test_too_few_or_too_many_corrections_are_a_fault() -> None:
    assert A_SAMPLE.fault("spellchecked_success", 0) is not None
    assert A_CLEAN_SAMPLE.fault("spellchecked_success", 1) is not None
