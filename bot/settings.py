"""
The only reader of the environment. Secrets print as asterisks.

Three variables connect a real workspace and real hosts: SLACK_BOT_TOKEN, SLACK_APP_TOKEN and BELAY_CONFIG.
"""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import BelayError


class SettingsError(BelayError):
    """The environment does not say what Belay needs; the text names the variable."""


class Settings(BaseSettings):
    """Every setting with its variable's name, its default, and what it is for."""

    model_config = SettingsConfigDict(env_prefix="BELAY_", extra="ignore", populate_by_name=True)

    config: Path = Field(Path("config"), description="folder with targets.yaml, roster.yaml and, if any, plans/")
    database_url: str = Field("", description="empty: a SQLite file in the data folder; postgresql+psycopg://… else")
    data: Path = Field(Path(".belay"), description="folder for the database file and the lock")
    listen_host: str = Field("127.0.0.1", description="where /healthz, /readyz, /metrics and the API listen")
    listen_port: int = Field(8088, ge=0, le=65535, description="0: a free one")
    api_tokens: dict[str, SecretStr] = Field(
        default_factory=dict, description='who may POST checkpoints: {"pipeline-east": "a long secret"} as JSON'
    )
    slack_bot_token: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("SLACK_BOT_TOKEN", "BELAY_SLACK_BOT_TOKEN"),
        description="the bot's token, xoxb-…",
    )
    slack_app_token: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("SLACK_APP_TOKEN", "BELAY_SLACK_APP_TOKEN"),
        description="the app-level token for Socket Mode, xapp-…",
    )
    slack_signing_secret: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("SLACK_SIGNING_SECRET", "BELAY_SLACK_SIGNING_SECRET"),
        description="for signed HTTP instead of Socket Mode",
    )
    slack_api_url: str = Field("https://slack.com/api/", description="another one for a local workspace")
    ssh_config: Path | None = Field(None, description="empty: ~/.ssh/config where there is one")
    known_hosts: Path | None = Field(None, description="empty: ~/.ssh/known_hosts; unknown hosts are refused")
    identity_files: list[Path] = Field(default_factory=list, description="private keys, as a JSON list")
    secrets: list[SecretStr] = Field(default_factory=list, description="exact words to mask in all output")

    @property
    def targets_file(self) -> Path:
        return self.config / "targets.yaml"

    @property
    def roster_file(self) -> Path:
        return self.config / "roster.yaml"

    @property
    def selections(self) -> Path:
        """Files of names, one a line, by which a requester may choose items of a fleet."""
        return self.config / "selections"

    @property
    def plan_folders(self) -> tuple[Path, ...]:
        """The plans that come with Belay, and the team's own."""
        shipped = Path(__file__).resolve().parent.parent / "plans"
        own = self.config / "plans"
        return (shipped, own) if own.is_dir() else (shipped,)

    @property
    def url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data / 'belay.db').resolve()}"

    @property
    def has_replicas(self) -> bool:
        """Whether there may be several of us: on PostgreSQL, always."""
        return self.url.startswith("postgresql")

    @property
    def has_slack(self) -> bool:
        return bool(self.slack_bot_token.get_secret_value())


def load_settings() -> Settings:
    """
    Raises:
        SettingsError: a variable has a value that cannot be used; the text names it and says what is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = (f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise SettingsError(f"the environment is not usable: {'; '.join(problems)}; see `belay --help`") from error
