"""All settings, read from the environment (`BLACKLIST_…`) only by asgi, worker, cli and migrations."""

import signal
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from blacklist_service import secrecy
from blacklist_service.secrecy import Secrecy, SecretKeyError

DSN_VARIABLE, SEALER_DSN_VARIABLE = "BLACKLIST_DSN", "BLACKLIST_SEALER_DSN"
"""Set by `serve` for its children: the URL of the database, embedded or external; for the sealer with its own login."""

CONSOLE_VARIABLE = "BLACKLIST_CONSOLE_SOCKET"
"""Set by `serve` for its web workers: the socket of the process that renders the console's pages."""

COMPANY_VARIABLE = "BLACKLIST_COMPANY_FILE"
"""Set by `serve` for its web workers: the file through which they tell each other that checks are asked (web/courtesy.py)."""

URLS = ("database_url", "sealer_database_url", "owner_database_url", "replica_url")

DRAIN_SIGNAL = signal.SIGUSR1
"""The signal by which `serve` tells its web processes to report that they are no longer ready."""

CONFIGURATION_ERROR = 2
"""Exit status for a wrong configuration, which a restart would not fix."""


class Settings(BaseSettings):
    """The service's settings; the defaults are safe for one machine."""

    model_config = SettingsConfigDict(env_prefix="BLACKLIST_", frozen=True, extra="ignore")

    # database
    database_url: SecretStr | None = Field(
        None, description="external PostgreSQL, by the login of what serves; unset = the embedded one"
    )
    database_url_file: Path | None = Field(None, description="file with that URL instead")
    sealer_database_url: SecretStr | None = Field(
        None, description="the same by a login that may act as blacklist_sealer alone; unset = database_url"
    )
    sealer_database_url_file: Path | None = Field(None, description="file with that URL instead")
    owner_database_url: SecretStr | None = Field(
        None, description="the same by the owner's login, for migrate and audit erase-month; unset = database_url"
    )
    owner_database_url_file: Path | None = Field(None, description="file with that URL instead")
    replica_url: SecretStr | None = Field(
        None,
        description="a standby of database_url, for what reads much and decides nothing; unset = all from the primary",
    )
    replica_url_file: Path | None = Field(None, description="file with that URL instead")
    replica_age: Annotated[float, Field(gt=0)] = Field(
        10, description="seconds that a standby may be behind: older, and the primary is read"
    )
    data_dir: Path = Field(Path("data"), description="embedded database, key file, newest checkpoint")
    postgres_bin: Path | None = Field(None, description="folder of the PostgreSQL programs for the embedded database")

    # secrecy
    secret_key: SecretStr | None = Field(None, description="32 bytes in base64; everything kept secret derives from it")
    secret_key_file: Path | None = Field(None, description="file with the key instead; default DATA_DIR/secret.key")

    # the ledger's log
    signing_key: SecretStr | None = Field(
        None, description="the log's private keys, 32 bytes in base64 each, newest first, separated by spaces"
    )
    signing_key_file: Path | None = Field(None, description="file with them instead; default DATA_DIR/signing.key")
    anchor: Path | None = Field(
        None, description="the newest checkpoint, kept outside the database; default DATA_DIR/checkpoint"
    )
    log_name: Annotated[str, Field(pattern=r"^[^\s+]{1,200}$")] | None = Field(
        None, description="name of a log that is begun; default made up. It never changes afterwards"
    )
    seal_limit: Annotated[int, Field(ge=1)] = Field(
        3600, description="seconds that an entry may stay unsealed: longer, and no check is answered"
    )
    retention_months: Annotated[int, Field(ge=1)] = Field(
        60, description="age below which a month's salts and subjects may not be erased"
    )

    # serving
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    start_patience: Annotated[int, Field(ge=0)] = Field(
        0, description="seconds that `serve` waits, not ready, for an external database that is away when it starts"
    )
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        0, description="seconds for which a service that is told to stop answers on, with /readyz 503"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="comma-separated addresses whose X-Forwarded-For names the client"
    )
    read_patience: Annotated[int, Field(ge=1, le=3600)] = Field(
        20, description="seconds in which the head of a request must be there, and for which its body may be silent"
    )
    least_rate: Annotated[int, Field(ge=1)] = Field(
        4096,
        description="bytes a second at which a request's body has to come, and its answer be taken, on the average",
    )
    connections: Annotated[int, Field(ge=0)] = Field(
        4096, description="connections that a web process keeps open, as far as its descriptors reach; 0 = unbounded"
    )
    connections_per_address: Annotated[int, Field(ge=0)] = Field(
        2048, description="of them, from one address that is no trusted proxy's; 0 = unbounded"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    key_environment: Literal["live", "test"] = Field("live", description="second word of the API keys made here")

    # checks
    check_deadline_ms: Annotated[int, Field(ge=10, le=60_000)] = 400
    check_lanes: Annotated[int, Field(ge=1, le=16)] = Field(2, description="transactions a worker keeps under way")
    check_queue: Annotated[int, Field(ge=1)] = Field(
        1024,
        description="checks a worker lets wait before it says 503: about as many as it answers within the deadline",
    )

    numbers_per_name: Annotated[int, Field(ge=0)] = Field(
        1000, description="numbers that a member may ask under one name in 24 hours; 0 = as many as it likes"
    )

    screened_rows: Annotated[int, Field(ge=0)] = Field(
        200_000, description="rows of rosters that a member may screen in 24 hours; 0 = as many as it likes"
    )

    # freshness of the list, counted both ways; off by default
    list_soft_age: Annotated[int, Field(ge=1)] | None = Field(
        None, description="seconds since a court's feed was alive: older, and clear becomes a flag"
    )
    list_hard_age: Annotated[int, Field(ge=1)] | None = Field(
        None, description="seconds since a court's feed was alive: older, and no check is answered"
    )

    watches_per_member: Annotated[int, Field(ge=1)] = Field(
        200_000, description="questions that a member may keep open; one more is 429"
    )

    outcome_days: Annotated[int, Field(ge=1, le=250)] = Field(
        5, description="working days in which an agency says what it did about a block or flag"
    )

    # shares
    bulk_reads_per_key: Annotated[int, Field(ge=1, le=64)] = Field(
        2,
        description="lists, feeds, scorecards, bundles that a key may read at once in a web process; more are 429",
    )

    waiting_imports: Annotated[int, Field(ge=1)] = Field(100, description="files of a court that may wait to be loaded")
    waiting_megabytes: Annotated[int, Field(ge=1)] = Field(
        4096, description="MiB of a court's files that may wait to be loaded"
    )
    waiting_exports: Annotated[int, Field(ge=1)] = Field(
        20, description="exports, and simulations, of a member that may wait to be made"
    )

    # webhooks
    webhook_targets: str = Field(
        "",
        description="comma-separated targets such as https://*.guandu.example:443@10.20.0.0/16; empty = no webhooks",
    )
    webhook_days: Annotated[int, Field(ge=1, le=60)] = Field(
        15, description="days for which a silent endpoint is tried and an event waits for it"
    )
    webhook_ca_file: Path | None = Field(
        None, description="certificates of authorities to believe beside the system's, for webhooks alone"
    )

    # the console
    console_origin: str | None = Field(
        None, description="where people open the console, such as https://blacklist.example; unset = on loopback alone"
    )

    # second persons
    second_officer: bool = Field(
        False, description="keys and catalogues over HTTP wait for a second security officer; the command line's do not"
    )

    # everything else
    statement_timeout_ms: Annotated[int, Field(ge=100)] = 15_000
    pool_size: Annotated[int, Field(ge=1, le=64)] = 6

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def split_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("console_origin")
    @classmethod
    def require_origin(cls, value: str | None) -> str | None:
        """A scheme, a host and optionally a port: https, because a password must not travel in clear text."""
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.hostname or value != f"https://{parts.netloc}" or "@" in parts.netloc:
            raise ValueError("must be an origin such as https://blacklist.example, without a path")
        return value

    @model_validator(mode="before")
    @classmethod
    def read_urls_from_files(cls, given: object) -> object:
        """The way Docker and Kubernetes mount secrets."""
        if not isinstance(given, dict):
            return given
        for name in URLS:
            if (path := given.get(f"{name}_file")) and not given.get(name):
                try:
                    given[name] = Path(path).read_text("utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    raise ValueError(f"BLACKLIST_{name.upper()}_FILE cannot be read: {error}") from None
        return given

    @field_validator(*URLS)
    @classmethod
    def require_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return value

    @property
    def is_embedded(self) -> bool:
        return self.database_url is None

    @property
    def key_path(self) -> Path:
        return self.secret_key_file or self.data_dir / "secret.key"

    def load_secrecy(self) -> Secrecy:
        """Raise `SecretKeyError` if the key is missing or malformed.

        Only the embedded database has a key file by default: for another database the operator must keep the key.
        """
        if not self.is_embedded and self.secret_key is None and self.secret_key_file is None:
            raise SecretKeyError("an external database needs its secret key: set BLACKLIST_SECRET_KEY (or …_FILE)")
        return secrecy.load(self.secret_key.get_secret_value() if self.secret_key else None, self.key_path)
