"""The way to Elasticsearch, and to nowhere else."""

from typing import Any, cast

from aiohttp import ClientSession
from elastic_transport import AiohttpHttpNode


class HomeNode(AiohttpHttpNode):
    """Follows no redirect: it may lead anywhere, and would take the question along."""

    def _create_aiohttp_session(self) -> None:
        super()._create_aiohttp_session()
        self.session = cast(ClientSession, _Home(cast(ClientSession, self.session)))


class _Home:
    """As much of a ClientSession as its node needs; that one has no setting for redirects."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    def request(self, *what: Any, **how: Any) -> Any:
        return self._session.request(*what, **how, allow_redirects=False)

    async def close(self) -> None:
        await self._session.close()
