"""Each language corrects an error of its own and leaves its own correct sentence alone."""

from __future__ import annotations

import unicodedata

import pytest

from huleedu_streams.spelling import SpellChecker, languages

SENTENCES = {
    "ar": "ذهبت إلى المدرسة مع أصدقائي وقرأت كتابا جميلا.",
    "de": "Ich habe gestern mit meiner Schwester ein schönes Buch gelesen.",
    "es": "Ayer fui al mercado con mi hermana y compramos frutas, verduras y un poco de queso.",
    "eu": "Atzo nire lagunekin eskolara joan nintzen eta liburu bat irakurri nuen.",
    "fa": "من دیروز با دوستانم به مدرسه رفتم و کتاب خواندم.",
    "fr": "L'école est fermée aujourd'hui parce qu'il neige, mais j'aime rester à la maison.",
    "it": "Ieri ho studiato l'italiano con i miei amici perché c'è un esame.",
    "lv": "Vakar es biju skolā un lasīju grāmatu kopā ar draugiem.",
    "nl": "Gisteren ben ik met mijn zus naar de markt gegaan en hebben we veel groenten gekocht.",
    "pt": "Ontem eu fui à escola e não consegui encontrar o meu livro de português.",
    "ru": "Вчера я ходил в школу и читал книгу вместе с друзьями.",  # noqa: RUF001
}
ERRORS = {
    "ar": ("المدرصة", "المدرسة"),
    "de": ("geleesen", "gelesen"),
    "es": ("tambien", "también"),
    "eu": ("irakurtzn", "irakurtzen"),
    "fa": ("مدرسهه", "مدرسه"),
    "fr": ("francaise", "française"),
    "it": ("bellisima", "bellissima"),
    "lv": ("gramatu", "grāmatu"),
    "nl": ("geschreeven", "geschreven"),
    "pt": ("trabalar", "trabalhar"),
    "ru": ("хадил", "ходил"),
}
ENGLISH = ("thoroughly", "eighth", "neighbouring")


@pytest.mark.parametrize("language", SENTENCES)
def test_language_leaves_its_sentence_and_corrects_its_error(language: str) -> None:
    checker = SpellChecker.load(language)
    sentence, (wrong, right) = SENTENCES[language], ERRORS[language]

    checked = checker.check(sentence)

    assert (checked.text, checked.unknown) == (sentence, ())
    assert checker.check(f"{wrong}").text == right
    assert not any(map(checker.is_known, ENGLISH))


def test_every_language_served_has_its_sentence_here() -> None:
    assert set(languages()) == SENTENCES.keys() | {"en", "sv"}


@pytest.mark.parametrize("language", ["ru", "fa", "ar"])
def test_suggestions_are_in_the_letters_of_the_language(language: str) -> None:
    checker = SpellChecker.load(language)
    wrong, _ = ERRORS[language]
    script = unicodedata.name(wrong[0]).split()[0]

    letters = "".join(checker.suggestions(wrong)).replace(" ", "")

    assert {unicodedata.name(letter).split()[0] for letter in letters} == {script}


def test_words_of_one_language_are_unknown_to_another(
    swedish: SpellChecker, english: SpellChecker
) -> None:
    assert swedish.is_known("människor")
    assert not english.is_known("människor")
    assert english.is_known("although")
    assert not swedish.is_known("although")


def test_what_is_elided_is_kept_before_a_corrected_word() -> None:
    french = SpellChecker.load("fr")

    assert french.is_known("l'histoire")
    assert french.check("l'histoirre d'une amitié").text == "l'histoire d'une amitié"
