"""Asks askd with clients of OpenAI's API, and prints a line of JSON for each.

Arguments: the address of askd, and the question. It has an environment of its own: requirements/clients.txt.
"""

import asyncio
import json
import sys
from typing import Any

from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, NotFoundError, OpenAI

address, question = sys.argv[1], sys.argv[2]
base = f"{address}/v1"
messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
client = OpenAI(base_url=base, api_key="none")


def say(name: str, text: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"name": name, "text": text, **more}) + "\n")


reply = client.chat.completions.create(model="askd", messages=messages)
extra: Any = reply.model_extra
say("sync", reply.choices[0].message.content or "", status=extra["askd"]["status"])

text, usage, events = "", None, 0
for chunk in client.chat.completions.create(
    model="askd", messages=messages, stream=True, stream_options={"include_usage": True}
):
    text += "".join(choice.delta.content or "" for choice in chunk.choices)
    events += "event" in (chunk.model_extra or {})
    usage = chunk.usage or usage
say("stream", text, usage=bool(usage), events=events)

with client.chat.completions.stream(model="askd", messages=messages) as helper:
    for _ in helper:
        pass
    say("stream helper", helper.get_final_completion().choices[0].message.content or "")


async def ask() -> str:
    async with AsyncOpenAI(base_url=base, api_key="none") as client:
        reply = await client.chat.completions.create(model="askd/course", messages=messages)
        return reply.choices[0].message.content or ""


say("async", asyncio.run(ask()), models=[model.id for model in client.models.list()])
try:
    client.chat.completions.create(model="askd/nope", messages=messages)
except NotFoundError as error:
    say("error", str(error), code=error.code)

chat = ChatOpenAI(base_url=base, api_key="none", model="askd+sources")
say("langchain", str(chat.invoke(messages).content))
say("langchain stream", "".join(str(piece.content) for piece in chat.stream(messages)))
