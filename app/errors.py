"""The errors that askd raises. `detail` is for callers: it says what to do and leaks no internals.

* AskdError
  - QuestionError             the request cannot be answered as it is
    - UnknownCollection       no such collection in the index
    - QuestionTooLong         the question alone fills the prompt
    - NothingFits             no entry fits the prompt whole
  - RetrievalError            the index could not be searched
    - SearchUnavailable       the search engine did not answer
    - IndexMissing            nothing was ever ingested
    - IndexUnreadable         written by another version of askd, or damaged
  - ModelError                the model could not generate
    - ModelUnavailable        the model's runtime did not answer, or broke off
    - ModelMissing            the runtime does not have the model
    - ModelTimeout            it took longer than the settings allow
    - Overloaded              the queue for the model is too long
    - PromptTooLong           the model counted more tokens than its window holds
  - FeedbackError             what somebody says about an answer could not be taken
    - FeedbackTokenInvalid    the token is not one that this service signed
    - FeedbackTokenExpired    its answer was given too long ago
    - FeedbackUnavailable     the store of feedback does not work
  - DeadlineExceeded          the request's deadline has passed
  - ShuttingDown              askd was stopped before the answer was ready
  - SetupError                never raised to callers of the HTTP service
    - EmbedderUnavailable     its files are missing, damaged or of another model; search is then
                              lexical only, with a notice
    - BadSettings             a setting is unknown or invalid
    - CannotListen            the address to listen on is taken, or not of this machine
    - BadFaqFile              a FAQ file cannot be read: file, record and field
    - IngestConflict          another ingest is running, or has replaced this one
    - NoPreviousVersion       there is nothing to roll back to
    - DownloadFailed          model weights could not be fetched, or are not the pinned ones
"""


class AskdError(Exception):
    """Base class: catch this to catch everything askd raises on purpose.

    `retry_after` is the number of seconds after which to retry, where that is known. `retryable`: the same
    request may succeed at once, since its connection was lost or the server was busy. `reason` is the
    backend's own message, shortened: for the log and the terminal, never for callers.
    """

    reason: str | None = None

    def __init__(self, detail: str, *, retry_after: int | None = None, retryable: bool = False) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.retryable = retryable


class QuestionError(AskdError):
    """The request cannot be answered as it is."""


class UnknownCollection(QuestionError): ...


class QuestionTooLong(QuestionError): ...


class NothingFits(QuestionError): ...


class RetrievalError(AskdError):
    """The index could not be searched."""


class SearchUnavailable(RetrievalError): ...


class IndexMissing(RetrievalError): ...


class IndexUnreadable(RetrievalError): ...


class ModelError(AskdError):
    """The model could not write."""


class ModelUnavailable(ModelError): ...


class ModelMissing(ModelError): ...


class ModelTimeout(ModelError): ...


class Overloaded(ModelError): ...


class PromptTooLong(ModelError):
    """`prompt_tokens` is the model's own count, where it told one."""

    def __init__(self, detail: str, prompt_tokens: int | None = None) -> None:
        super().__init__(detail)
        self.prompt_tokens = prompt_tokens


class FeedbackError(AskdError):
    """What somebody says about an answer could not be taken."""


class FeedbackTokenInvalid(FeedbackError): ...


class FeedbackTokenExpired(FeedbackError): ...


class FeedbackUnavailable(FeedbackError): ...


class DeadlineExceeded(AskdError): ...


class ShuttingDown(AskdError): ...


class SetupError(AskdError):
    """Never shown to HTTP callers."""


class EmbedderUnavailable(SetupError): ...


class BadSettings(SetupError): ...


class CannotListen(SetupError): ...


class BadFaqFile(SetupError): ...


class IngestConflict(SetupError): ...


class NoPreviousVersion(SetupError): ...


class DownloadFailed(SetupError): ...


def name_of(error: type[AskdError]) -> str:
    """In problem types, metrics and traces: `SearchUnavailable` -> `search-unavailable`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in error.__name__)[1:]
