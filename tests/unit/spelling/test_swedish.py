from __future__ import annotations

from pathlib import Path

import pytest

from huleedu_streams.spelling import SpellChecker

ESSAY = (
    "Igår gick jag till skolan med mina vänner. Vi pratade om skoluniformer, livsläxor och "
    "shoppingvanor, och Nikko från Umeå läste högt ur en spännande äventyrsroman. På hemvägen "
    "köpte vi glass i gatukontorets lilla kiosk, fast det var kallt och någon hade ställt en "
    "jättestor snögubbe framför dörren. Jag tycker att språkbytet var svårt, men fotbollsmatchen "
    "blev rolig. Tjugotre elever mejlade sina svar till rektorn på NTI."
)


def test_well_written_essay_is_left_as_it_is(swedish: SpellChecker) -> None:
    checked = swedish.check(ESSAY)

    assert checked.text == ESSAY
    assert checked.unknown == ()


@pytest.mark.parametrize(
    "compound",
    [
        *("skoluniform", "fotbollsmatch", "arbetsmarknadsutbildning", "flickskolegård"),
        *("gatumusikfestival", "kyrkokör", "veckopengshöjning", "språkbyten", "hanteringstid"),
    ],
)
def test_compound_of_known_parts_is_known(swedish: SpellChecker, compound: str) -> None:
    assert swedish.is_known(compound)


def test_of_three_equal_letters_between_parts_two_are_written(swedish: SpellChecker) -> None:
    assert swedish.is_known("fallucka")
    assert swedish.is_known("mattallrik")


@pytest.mark.parametrize("word", ["samanhang", "etermiddagen", "andvänt", "rättsäkerhet"])
def test_misspelling_that_splits_into_words_is_not_known(swedish: SpellChecker, word: str) -> None:
    assert not swedish.is_known(word)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("skolunniform", "skoluniform"),
        ("livsläxxor", "livsläxor"),
        ("shopingvanor", "shoppingvanor"),
        ("arbetsmarknadsutbilding", "arbetsmarknadsutbildning"),
        ("språkpollitiker", "språkpolitiker"),
        ("brevsysthem", "brevsystem"),
    ],
)
def test_misspelt_compound_is_corrected_by_its_part(
    swedish: SpellChecker, wrong: str, right: str
) -> None:
    assert swedish.correction(wrong) == right


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        *(("mäniskor", "människor"), ("gammla", "gamla"), ("tilbaka", "tillbaka")),
        *(("forsoker", "försöker"), ("nagra", "några"), ("samhallet", "samhället")),
        *(("shoklad", "choklad"), ("vänlit", "vänligt"), ("rigtigt", "riktigt")),
        *(("sukhuset", "sjukhuset"), ("däfor", "därför"), ("jobigt", "jobbigt")),
        *(("ungdomer", "ungdomar"), ("evenemanger", "evenemang"), ("kontextet", "kontexten")),
        *(("föratt", "för att"), ("hemst", "hemskt"), ("helsa", "hälsa")),
    ],
)
def test_learners_error_is_corrected(swedish: SpellChecker, wrong: str, right: str) -> None:
    assert swedish.check(f"ett {wrong} där").text == f"ett {right} där"


def test_words_run_together_are_parted_by_the_rule_split(swedish: SpellChecker) -> None:
    (correction,) = swedish.check("Han sparade föratt köpa den.").corrections

    assert (correction.replacement, correction.rule) == ("för att", "split")
    assert correction.category == "joined words"


def test_word_that_could_be_many_is_flagged_and_not_replaced(swedish: SpellChecker) -> None:
    checked = swedish.check("det var en skila där")

    assert checked.corrections == ()
    assert [unknown.word for unknown in checked.unknown] == ["skila"]
    assert {"skola", "skilja"} <= set(swedish.suggestions("skila"))


def test_list_of_one_language_is_not_used_for_another(tmp_path: Path) -> None:
    listed = tmp_path / "sv.txt"
    listed.write_text("fridagg:fredag\n", "utf-8")

    with_list = SpellChecker.load("sv", l2_dictionary=listed)

    assert with_list.check("fridagg").text == "fredag"
    assert SpellChecker.load("nl").check("fridagg").text != "fredag"
