"""The tables of procrastinate: created, and brought up to its version. Part of `bot.replicas`."""

from importlib.resources import files
from typing import Any, Final

from procrastinate import App
from procrastinate.exceptions import ConnectorException

#: procrastinate does not record which migrations were applied. We do, in the comment of its table of jobs.
_HAVE: Final = """
SELECT to_regclass('procrastinate_jobs') IS NOT NULL AS present,
       obj_description(to_regclass('procrastinate_jobs'), 'pg_class') AS newest"""


async def prepare(app: App) -> None:
    """
    Bring the tables to what this code knows, however many replicas start at the same moment.

    Raises:
        ConnectorException: they can be neither created nor migrated.
    """
    while steps := missing(await _newest(app)):
        name, script = steps[0]
        try:
            await app.connector.execute_query_async(_with_comment(script, name))
        except ConnectorException:
            if (await _newest(app) or "") < name:  # else another replica did it at the same moment
                raise


def missing(newest: str | None) -> list[tuple[str, str]]:
    """
    Return names and texts of the scripts that follow *newest* (None: there are no tables), in order.

    A newer one than this code knows is another replica's, which was upgraded first: nothing is missing.
    """
    scripts = sorted(each.name for each in files("procrastinate.sql").joinpath("migrations").iterdir())
    known = [name for name in scripts if name.endswith(".sql")]
    if newest is None:
        return [(known[-1], files("procrastinate.sql").joinpath("schema.sql").read_text("utf-8"))]
    folder = files("procrastinate.sql").joinpath("migrations")
    return [(name, folder.joinpath(name).read_text("utf-8")) for name in known if name > newest]


async def _newest(app: App) -> str | None:
    row: dict[str, Any] = await app.connector.execute_query_one_async(_HAVE)
    if not row["present"]:
        return None
    return str(row["newest"] or "~")  # "~" sorts last: tables that somebody else keeps are left to them


def _with_comment(script: str, name: str) -> str:
    """Script and comment are one transaction. The driver takes "%" for a placeholder."""
    text = f"{script}\n;COMMENT ON TABLE procrastinate_jobs IS '{name}'"
    return text.replace("%", "%%")
