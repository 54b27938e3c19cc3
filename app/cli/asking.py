import asyncio
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.table import Table

from app.answering.service import Assistant
from app.api.questions import Ask, Search
from app.api.schemas import AnswerOut, SearchOut
from app.cli.terminal import out
from app.cli.validation import validated
from app.domain import Answer, Mode, Question, Replacement, Text
from app.settings import Settings, read_settings
from app.wiring import open_askd

QuestionArgument = Annotated[str, typer.Argument(help="The question, 1–8,000 characters.")]
CollectionOption = Annotated[str | None, typer.Option(help="Search in this collection only.")]
LimitOption = Annotated[int, typer.Option(min=1, max=20, help="Largest number of sources.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, as the HTTP service does.")]
_NO_REQUEST = "cli"  # in place of a request id


def ask(
    question: QuestionArgument,
    collection: CollectionOption = None,
    limit: LimitOption = 5,
    mode: Annotated[Mode, typer.Option(help="Who writes the answer.")] = Mode.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the FAQ; the answer is shown while it is written."""
    asked = validated(Ask, question=question, collection=collection, limit=limit, mode=mode)
    asyncio.run(_ask(read_settings(), asked.question_asked(), as_json))


async def _ask(settings: Settings, question: Question, as_json: bool) -> None:
    async with open_askd(settings) as askd:
        if as_json:
            answer = await askd.assistant.ask(question)
            _print_json(AnswerOut.of(answer, _NO_REQUEST))
        else:
            await _stream(askd.assistant, question)


async def _stream(assistant: Assistant, question: Question) -> None:
    async with assistant.reply(question) as reply:
        async for event in reply.events:
            match event:
                case Text(text):
                    out.print(text, end="", highlight=False)
                case Replacement(text):
                    out.print(f"\n\n{text}", end="", highlight=False)
                case Answer():
                    out.print()
                    _print_sources(event)


def _print_sources(answer: Answer) -> None:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for position, source in enumerate(answer.sources, start=1):
        entry = source.hit.entry
        style = None if source.cited else "dim"
        table.add_row(f"[{position}]", entry.collection, entry.question, style=style)
    if answer.sources:
        out.print()
        out.print(table)
    for notice in answer.notices:
        out.print(f"{notice.code}: {notice.detail}", style="yellow")


def search(
    question: QuestionArgument,
    collection: CollectionOption = None,
    limit: LimitOption = 5,
    as_json: JsonOption = False,
) -> None:
    """Find the entries nearest to a question, without a model."""
    asked = validated(Search, question=question, collection=collection, limit=limit)
    asyncio.run(_search(read_settings(), asked.question_asked(), as_json))


async def _search(settings: Settings, question: Question, as_json: bool) -> None:
    async with open_askd(settings) as askd:
        found = await askd.assistant.find(question)
    if as_json:
        _print_json(SearchOut.of(found, _NO_REQUEST))
        return
    table = Table("score", "collection", "id", "question", box=None)
    for hit in found.ranking.hits:
        table.add_row(f"{hit.score:.2f}", hit.entry.collection, hit.entry.id, hit.entry.question)
    out.print(table if found.ranking.hits else "nothing found")


def _print_json(body: BaseModel) -> None:
    typer.echo(body.model_dump_json(indent=2))
