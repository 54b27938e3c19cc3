"""What models on a server of their own share: a profile that is read once, and what a failure means."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app.errors import ModelError, PromptTooLong
from app.models.base import ModelProfile, Prompt
from app.models.estimate import TokenEstimate
from app.models.failures import FAILURES, refusal
from app.traffic.circuit_breaker import CircuitBreaker


class ServedModel:
    """The shared part of a `LanguageModel`; timeouts in seconds.

    Once several generations have failed in a row, `breaker` refuses further ones for a while. Loading and
    status are never refused, so that it shows when the model is back.
    """

    def __init__(
        self,
        name: str,
        num_ctx: int,
        *,
        first_token_timeout: float,
        generate_timeout: float,
        breaker: CircuitBreaker | None,
        host: str | None,
    ) -> None:
        """`host` of a remote server: answers then tell where they were written."""
        self._name = name
        self._shown = f"{name}@{host}" if host else name
        self._num_ctx = num_ctx
        self._first_token_timeout = first_token_timeout
        self._generate_timeout = generate_timeout
        self._estimate = TokenEstimate()
        self._profile: ModelProfile | None = None
        self.breaker = breaker or CircuitBreaker()

    async def profile(self) -> ModelProfile:
        with self.breaker.lookup(FAILURES, refusal):
            if self._profile is None:
                self._profile = await self._read_profile()
            return self._profile

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return [self._estimate.count(text) for text in texts]

    async def _read_profile(self) -> ModelProfile:
        """Raises as `profile`."""
        raise NotImplementedError

    @contextmanager
    def _generating(self, prompt: Prompt) -> Iterator[None]:
        """Around a generation: what its failure tells of the model and of the estimate of tokens."""
        with self.breaker.call(FAILURES, refusal):
            try:
                yield
            except PromptTooLong as error:
                self._estimate.learn(prompt.text, error.prompt_tokens or self._num_ctx)
                raise
            except ModelError:
                self._profile = None  # what comes back may be another model
                raise
