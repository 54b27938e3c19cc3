"""The settings in force: flags win over the environment, that over `.env`, that over the defaults."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from dotenv import dotenv_values
from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from app.errors import BadSettings
from app.settings.access import Access
from app.settings.backends import backend_named
from app.settings.feedback import Feedback
from app.settings.groups import Embedder, Index, Limits, Model, Server, Telemetry
from app.settings.page import Page
from app.settings.shared import Shared

PREFIX = "ASKD_"
_OF_SCRIPTS = {"ASKD_FAQ", "ASKD_REPLICAS", "ASKD_DEV_DATA"}  # read by the scripts, not by askd
_OF_TESTS = "ASKD_TEST_"
# What Kubernetes and Docker's links set in a container for a service named `askd` or `askd-…`.
_LINK = re.compile(r"ASKD_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_LINK_PORT = re.compile(r"ASKD_(\w+_)?PORT")
_LINK_ADDRESS = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


class _Environment(EnvSettingsSource):
    def __call__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in super().__call__().items()
            if not (isinstance(value, str) and _is_link(f"{PREFIX}{name}", value))
        }


class Settings(
    Server, Index, Embedder, Model, Limits, Access, Page, Feedback, Shared, Telemetry, BaseSettings
):
    """Everything that may differ between a laptop, CI and production."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls), dotenv_settings

    @model_validator(mode="after")
    def _budgets_fit_the_window(self) -> Self:
        if self.prompt_budget + self.answer_budget > self.num_ctx:
            raise ValueError(
                f"ASKD_PROMPT_TOKENS ({self.prompt_budget}) and ASKD_ANSWER_TOKENS ({self.answer_budget}) "
                f"together exceed ASKD_NUM_CTX ({self.num_ctx})"
            )
        return self

    @model_validator(mode="after")
    def _one_model_is_meant(self) -> Self:
        named, name = backend_named(self.model)
        if self.ollama_url and self.openai_url and not named:
            shown = name or "NAME"
            raise ValueError(
                "ASKD_OLLAMA_URL and ASKD_OPENAI_URL are both set: say whose model it is, "
                f"ASKD_MODEL=ollama:{shown} or ASKD_MODEL=openai:{shown}"
            )
        if self.model_backend == "openai" and not self.openai_url:
            raise ValueError(
                "ASKD_MODEL: a model of an OpenAI-compatible server needs its address in ASKD_OPENAI_URL, "
                "such as http://127.0.0.1:8000/v1"
            )
        if not self.model_name:
            raise ValueError(f"ASKD_MODEL: name the model, as in ASKD_MODEL={self.model_backend}:NAME")
        return self

    @model_validator(mode="after")
    def _model_servers_differ(self) -> Self:
        urls = [url.rstrip("/") for url in self.model_urls]
        if len(set(urls)) < len(urls):
            name = f"ASKD_{self.model_backend.upper()}_URL"
            raise ValueError(f"{name} names a server twice; for more generations at once raise ASKD_SLOTS")
        return self

    @model_validator(mode="after")
    def _the_model_has_so_many_slots(self) -> Self:
        if self.slots > 1 and not self.model_defaults.several_slots:
            raise ValueError(
                "ASKD_SLOTS: the embedded model writes one answer at a time; for more set ASKD_OLLAMA_URL or "
                "ASKD_OPENAI_URL"
            )
        return self

    @model_validator(mode="after")
    def _questions_go_with_their_outcomes(self) -> Self:
        if self.keep_questions > self.feedback_days:
            raise ValueError(
                f"ASKD_KEEP_QUESTIONS ({self.keep_questions}) exceeds ASKD_FEEDBACK_DAYS "
                f"({self.feedback_days}), after which the outcomes go, and the questions with them"
            )
        return self

    @model_validator(mode="after")
    def _what_is_public_is_limited(self) -> Self:
        if self.public_collections and not self.rate_limit:
            raise ValueError(
                "ASKD_PUBLIC_COLLECTIONS lets anyone ask: it needs a limit, such as ASKD_RATE_LIMIT=20/minute"
            )
        return self

    @model_validator(mode="after")
    def _elasticsearch_knows_one_user(self) -> Self:
        if bool(self.elasticsearch_user) != bool(self.elasticsearch_password_file):
            raise ValueError("ASKD_ELASTICSEARCH_USER and ASKD_ELASTICSEARCH_PASSWORD_FILE go together")
        given = {
            "ASKD_ELASTICSEARCH_API_KEY": self.elasticsearch_api_key,
            "ASKD_ELASTICSEARCH_API_KEY_FILE": self.elasticsearch_api_key_file,
            "ASKD_ELASTICSEARCH_USER": self.elasticsearch_user,
            "a user in ASKD_ELASTICSEARCH_URL": any(url.username for url in self.elasticsearch_url or ()),
        }
        names = [name for name, value in given.items() if value]
        if len(names) > 1:
            raise ValueError(f"{' and '.join(names)} contradict each other; keep one")
        return self

    @model_validator(mode="after")
    def _only_elasticsearch_is_spread(self) -> Self:
        spread = {"ASKD_INDEX_SHARDS": self.index_shards > 1, "ASKD_INDEX_REPLICAS": self.index_replicas > 0}
        names = [name for name, is_set in spread.items() if is_set]
        if names and self.index_backend != "elasticsearch":
            raise ValueError(
                f"{' and '.join(names)}: the embedded index has neither shards nor replicas; set "
                "ASKD_ELASTICSEARCH_URL for an index that has"
            )
        return self

    @model_validator(mode="after")
    def _elasticsearch_certificate_is_used(self) -> Self:
        ca, fingerprint = self.elasticsearch_ca, self.elasticsearch_fingerprint
        if ca and fingerprint:
            raise ValueError("set ASKD_ELASTICSEARCH_CA or ASKD_ELASTICSEARCH_FINGERPRINT, not both")
        if (ca or fingerprint) and any(url.scheme == "http" for url in self.elasticsearch_url or ()):
            name = "ASKD_ELASTICSEARCH_CA" if ca else "ASKD_ELASTICSEARCH_FINGERPRINT"
            raise ValueError(f"{name}: ASKD_ELASTICSEARCH_URL must begin with https:// for it to be checked")
        return self


def read_settings(**flags: object) -> Settings:
    """The settings in force; a flag that is None was not given. Raises BadSettings."""
    try:
        _refuse_unknown({**dotenv_values(".env"), **os.environ})
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadSettings("; ".join(_explained(error))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings("the file .env cannot be read: it must be text in UTF-8, and readable") from error


def secret(setting: str, path: Path) -> str:
    """What a file holds that a setting names. Raises BadSettings."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{setting}: cannot read {path}") from error


def _explained(error: ValidationError) -> Iterable[str]:
    """What is wrong with each value, with the right form; never the value, which may be a secret."""
    for problem in error.errors():
        message = problem["msg"].removeprefix("Value error, ")
        name = str(problem["loc"][0]) if problem["loc"] else None
        if name is None:  # of several settings, which the message names
            yield message
        else:
            yield f"{PREFIX}{name.upper()}: {message}{_form(name)}"


def _form(name: str) -> str:
    field = Settings.model_fields[name]
    example = field.examples[0] if field.examples else field.default
    return (
        f" (for example {PREFIX}{name.upper()}={example})" if isinstance(example, str | int | float) else ""
    )


def _refuse_unknown(variables: Mapping[str, str | None]) -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | _OF_SCRIPTS
    for variable, value in sorted(variables.items()):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in known or name.startswith(_OF_TESTS):
            continue
        if _is_link(name, value or ""):
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; docs/settings.md lists all"
        raise BadSettings(f"unknown setting {variable}{hint}")


def _is_link(variable: str, value: str) -> bool:
    """Whether an orchestrator set it to announce a service; that is no setting of askd."""
    name = variable.upper()
    return bool(_LINK.fullmatch(name) or (_LINK_PORT.fullmatch(name) and _LINK_ADDRESS.match(value)))
