"""The tools and resources, over the official SDK. Imported only where the extra `mcp` is installed."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceLink,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.api import problems
from app.api.mcp.door import Door
from app.api.mcp.shapes import (
    AskArguments,
    AskOut,
    CollectionsOut,
    FetchArguments,
    FetchOut,
    NoArguments,
    SearchArguments,
    SearchOut,
    id_of,
    markdown_of,
    uri_of,
)
from app.api.openai.checked_text import CheckedText, complete_text, source_list
from app.api.schemas import CollectionsOut as Collections
from app.domain import Answer, FaqEntry
from app.errors import AskdError

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]
Report = Callable[[float, str], Awaitable[None]]  # progress, and what to show
_PAGE = 100  # resources listed at a time
_MARKDOWN = "text/markdown"
_INSTRUCTIONS = (
    "Answers from a FAQ, and from nothing else. With `ask` the status no_answer means that the FAQ does not "
    "hold the answer: say so, and do not answer from elsewhere. `[n]` in an answer is source n."
)
_READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


@dataclass(frozen=True, slots=True)
class _Done:
    output: BaseModel
    text: str
    links: tuple[FaqEntry, ...] = ()


async def _ask(door: Door, arguments: AskArguments, report: Report) -> _Done:
    """Progress carries sentences once they are checked: nobody could take one back."""
    text, pieces = CheckedText(), 0
    question = arguments.question_asked()
    async with door.assistant.reply(question, door.deadline) as reply:
        await report(pieces, f"reading {len(reply.sources)} entries")
        async for event in reply.events:
            if (checked := text.feed(event)).strip():
                pieces += 1
                await report(pieces, checked)
            if isinstance(event, Answer):
                door.answered(event, question)
                cited = tuple(source.hit.entry for source in event.sources if source.cited)
                said = complete_text(event) + source_list(event)
                return _Done(AskOut.of(event, door.context.id), said, cited)
    raise AssertionError("the events of a reply end with its answer")


async def _search(door: Door, arguments: SearchArguments, report: Report) -> _Done:
    found = await door.assistant.find(arguments.question_asked(), door.deadline)
    entries = tuple(hit.entry for hit in found.ranking.hits)
    said = "\n\n".join(f"{id_of(entry)}: {entry.question}\n{entry.answer}" for entry in entries)
    return _Done(SearchOut.of(found), said or "nothing found", entries)


async def _fetch(door: Door, arguments: FetchArguments, report: Report) -> _Done:
    entry = await door.entry(lambda entry: id_of(entry) == arguments.id)
    return _Done(FetchOut.of(entry), markdown_of(entry))


async def _list_collections(door: Door, arguments: NoArguments, report: Report) -> _Done:
    there = Collections.of(await door.assistant.manifest())
    said = "\n".join(f"{each.name}: {each.entries} entries" for each in there.collections)
    return _Done(CollectionsOut(index=there.index, collections=there.collections), said)


@dataclass(frozen=True, slots=True)
class _Tool:
    title: str
    description: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    run: Callable[[Door, Any, Report], Awaitable[_Done]]
    limited: bool = False  # counts against the rate limit

    def described(self, name: str) -> Tool:
        return Tool(
            name=name,
            title=self.title,
            description=self.description,
            input_schema=self.takes.model_json_schema(),
            output_schema=self.gives.model_json_schema(mode="serialization"),
            annotations=_READ_ONLY,
        )


_TOOLS: Mapping[str, _Tool] = {
    "ask": _Tool(
        "Ask the FAQ",
        "Answers a question from the FAQ, with its sources; each sentence is checked against them. Status "
        "no_answer means: the FAQ does not hold it, do not answer from elsewhere. Ask whole questions: "
        "nothing is remembered.",
        AskArguments,
        AskOut,
        _ask,
        limited=True,
    ),
    "search": _Tool(
        "Search the FAQ", "The entries nearest to a query, whole.", SearchArguments, SearchOut, _search, True
    ),
    "fetch": _Tool("One FAQ entry", "An entry by its id, whole.", FetchArguments, FetchOut, _fetch, True),
    "list_collections": _Tool(
        "Collections", "The collections of the FAQ.", NoArguments, CollectionsOut, _list_collections
    ),
}


def server_of(door_of: Callable[[Any], Door]) -> Server[Any]:
    """`door_of` gets the HTTP request that a message came in, None without one."""
    tools = [tool.described(name) for name, tool in _TOOLS.items()]  # making the schemas takes a while

    async def list_tools(ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        tool = _TOOLS.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"there is no such tool; there are: {', '.join(_TOOLS)}")
        door = door_of(ctx.request)

        async def report(progress: float, message: str) -> None:
            await ctx.session.report_progress(progress, message=message)

        try:
            arguments = tool.takes.model_validate(params.arguments or {})
            if tool.limited:
                await door.admit()
            async with door.working():
                done = await tool.run(door, arguments, report)
        except Exception as error:
            return CallToolResult(content=[TextContent(text=_told(error, door))], is_error=True)
        content: list[ContentBlock] = [TextContent(text=done.text)]
        content += [_link(entry) for entry in done.links]
        return CallToolResult(content=content, structured_content=done.output.model_dump(mode="json"))

    async def list_resources(ctx: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        cursor = params.cursor if params else None
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
            raise MCPError(INVALID_PARAMS, "the cursor is not one of this server")
        start = int(cursor or 0)
        door = door_of(ctx.request)
        with _translated(door):
            await door.admit()
            entries = await door.page(start, _PAGE)
        following = str(start + _PAGE) if len(entries) == _PAGE else None
        return ListResourcesResult(resources=[_resource(entry) for entry in entries], next_cursor=following)

    async def list_templates(
        ctx: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        template = ResourceTemplate(
            name="entry", title="A FAQ entry", uri_template="faq://{collection}/{id}", mime_type=_MARKDOWN
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        scheme, _, path = str(params.uri).partition("://")
        collection, _, id_ = path.partition("/")
        if scheme != "faq":
            raise MCPError(INVALID_PARAMS, "resources of this server begin with faq://")
        key = unquote(collection), unquote(id_)
        door = door_of(ctx.request)
        with _translated(door):
            await door.admit()
            entry = await door.entry(lambda entry: entry.key == key)
        text = TextResourceContents(uri=params.uri, mime_type=_MARKDOWN, text=markdown_of(entry))
        return ReadResourceResult(contents=[text])

    return Server(
        "askd",
        version=version("askd"),
        title="askd",
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _told(error: Exception, door: Door) -> str:
    """What the caller is told; logged as it is elsewhere."""
    match error:
        case ValidationError():
            return "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()
            )
        case HTTPException():
            return str(error.detail)
        case AskdError():
            return problems.problem_of(error, door.context).detail
        case ClientDisconnect():
            return "the caller has left"
    log.error("unexpected error", exc_info=error, extra={"request_id": door.context.id})
    return problems.unexpected(door.context).detail


@contextmanager
def _translated(door: Door) -> Iterator[None]:
    """For what is no tool: errors of the protocol instead of results."""
    try:
        yield
    except Exception as error:
        raise MCPError(INTERNAL_ERROR, _told(error, door)) from error


def _resource(entry: FaqEntry) -> Resource:
    return Resource(uri=uri_of(entry), name=id_of(entry), title=entry.question, mime_type=_MARKDOWN)


def _link(entry: FaqEntry) -> ResourceLink:
    return ResourceLink(uri=uri_of(entry), name=id_of(entry), title=entry.question, mime_type=_MARKDOWN)
