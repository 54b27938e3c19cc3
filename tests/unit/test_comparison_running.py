from app.evaluation.comparison.running import Put, warm_up
from app.evaluation.questions import Case, Catalogue, place_of
from tests.support.finder import entries


def test_the_warm_up_is_about_an_entry_that_is_not_timed() -> None:
    first, second = entries("Where?", "When?")
    catalogue = Catalogue([first, second])
    for timed, other in ((first, second), (second, first)):
        puts = [
            Put(Case(timed.question, gold=frozenset({place_of(timed)})), removed) for removed in (False, True)
        ]
        assert warm_up(puts, catalogue).case.gold == {place_of(other)}


def test_the_warm_up_is_no_timed_question_where_every_entry_is_asked_for() -> None:
    (entry,) = entries("Where?")
    put = Put(Case(entry.question, gold=frozenset({place_of(entry)})), removed=False)
    warm = warm_up([put], Catalogue([entry])).case.text
    assert warm != entry.question
    assert entry.question in warm
