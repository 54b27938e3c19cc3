"""Tables of what callers asked are opened in spreadsheets: nothing in them may run."""

import csv
import re

import pytest

from app.domain import Status
from app.feedback.base import Outcome, Record
from app.feedback.export import Cases


@pytest.mark.parametrize(
    "question",
    [
        "=1+1",
        "＝1+1",
        "＠SUM(1)",
        "hello;=cmd|'/C calc'!A0",
        'hello; "=cmd|1"',
        "hello\t=1+1",
        "hello\n+1+1",
        "\t=1+1",
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_begins_with_a_formula_wherever_cells_are_parted(question: str, separator: str) -> None:
    cases = Cases()
    cases.add(Record(Outcome("1", "1", 0.0, "1", Status.NO_ANSWER, None, None, (), question), None))
    lines = cases.csv([]).splitlines(keepends=True)
    cells = [cell for row in csv.reader(lines, delimiter=separator) for cell in row]
    assert not [cell for cell in cells if re.match(r'[\s"]*[=+\-@＝＋－＠]', cell)]


def test_a_harmless_question_stays_as_it_is() -> None:
    cases = Cases()
    cases.add(Record(Outcome("1", "1", 0.0, "1", Status.NO_ANSWER, None, None, (), "Is a - b = c?"), None))
    assert "\nIs a - b = c?,,,declined\n" in cases.csv([])
