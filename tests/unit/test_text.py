import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import FaqEntry
from app.ranking import text
from app.ranking.candidates import WordStatistics
from app.ranking.stop_words import STOP_WORDS
from app.ranking.text import (
    MAX_QUESTION_WORDS,
    WordCounter,
    bigrams,
    common_grams,
    composed,
    entry_words,
    grams,
    normalised_question,
    question_words,
    words,
)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("How do I install Python 3.11?", ["how", "do", "i", "install", "python", "3", "11"]),
        ("docker_compose-up: don't!", ["docker", "compose", "up", "don", "t"]),
        ("STRASSE Straße ﬁle \uff37\uff49\uff44\uff45", ["strasse", "strasse", "file", "wide"]),
        ("e\u0301te\u0301 \u00e9t\u00e9", ["été", "été"]),
        ("日本語 🙂 \x00", ["日本", "本語"]),
        ("\uff83\uff7d\uff84 \u3300", ["テス", "スト", "アパ", "パー", "ート"]),  # half-width, and squared
        ("", []),
    ],
)
def test_words_are_letters_and_digits_whatever_their_form(written: str, found: list[str]) -> None:
    assert words(written) == found


@given(st.text())
def test_words_hold_nothing_an_index_could_stumble_over(written: str) -> None:
    found = words(written)
    assert all(word.isalnum() and len(word) <= 64 for word in found)
    assert words(" ".join(found)) == found


def test_an_entry_is_found_by_section_question_and_answer() -> None:
    entry = FaqEntry("id-1", "course", "Why?", "Because.", "Basics", "https://example.org")
    assert entry_words(entry) == ["basics", "why", "because"]


def test_a_question_is_searched_for_up_to_a_number_of_different_words() -> None:
    different = [f"w{number}" for number in range(MAX_QUESTION_WORDS)]
    assert question_words(" ".join(different * 2)) == different * 2
    assert question_words(" ".join([*different, "more", *different])) == different


@pytest.mark.parametrize("same", ["Can I still join", "  can i STILL\tjoin?? ", "«Can I» — still, join…"])
def test_questions_are_equal_whatever_their_case_spacing_and_punctuation(same: str) -> None:
    assert normalised_question(same) == normalised_question("Can I still join?")


def test_other_words_make_another_question() -> None:
    assert normalised_question("Can I join?") != normalised_question("Can I still join?")


def test_bigrams_are_neighbours() -> None:
    assert bigrams(["how", "to", "join"]) == ["how_to", "to_join"]
    assert bigrams(["join"]) == bigrams([]) == []


def test_grams_stay_inside_a_word_and_know_its_edges() -> None:
    assert grams(["cats", "is", "a"]) == ["<cat", "cats", "ats>", "<is>"]


def test_counts_entries_not_occurrences_and_leaves_out_words_of_one_entry() -> None:
    counter = WordCounter()
    for entry in (["join", "join", "late"], ["join", "early"], []):
        counter.add(entry)
    assert counter.statistics().entries == 3
    assert counter.statistics().frequencies == {"join": 2}


def test_counting_forgets_rare_words_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_COUNTED_WORDS", 100)
    counter = WordCounter()
    for number in range(1000):
        counter.add(["common", f"rare{number}"])
        assert len(counter._frequencies) <= 101
    assert counter.statistics().frequencies == {"common": 1000}


def test_stop_words_are_words_as_they_are_found() -> None:
    assert all(words(word) == [word] for word in STOP_WORDS)


@pytest.mark.parametrize("other", ["C", "C++", "F#", "F", ".NET", "NET"])
def test_names_that_a_sign_tells_apart_are_different_questions(other: str) -> None:
    assert normalised_question(f"How do I call it from {other}?") != normalised_question(
        "How do I call it from C#?"
    )
    assert normalised_question(f"Is {other} supported?") == normalised_question(
        f"is {other.lower()} supported"
    )


@given(st.text())
def test_composed_is_nfc(written: str) -> None:
    assert composed(written) == unicodedata.normalize("NFC", written)


def test_marks_that_a_language_has_stay_as_they_are() -> None:
    thirty = "e" + "\u0323\u0301" * 15  # more than any language has
    assert composed(f"{thirty} {thirty}") == unicodedata.normalize("NFC", f"{thirty} {thirty}")


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0344\u0323", "\u3099\u0301", "\u0f73\u0f81"])
def test_a_long_run_of_combining_marks_takes_linear_time(marks: str) -> None:
    began = time.process_time()
    found = composed("e" + marks * 16_000)
    assert time.process_time() - began < 0.3
    assert unicodedata.normalize("NFC", found) == found
    assert time.process_time() - began < 0.6  # what follows takes no longer


def test_searches_of_a_large_index_leave_out_the_pieces_that_many_entries_hold() -> None:
    frequencies = {"station": 3_000, "nation": 2_500, "zebra": 4_000}
    assert common_grams(WordStatistics(50_000, frequencies)) == {"atio", "tion", "ion>"}
    assert common_grams(WordStatistics(19_000, frequencies)) == frozenset()  # of a small one none
