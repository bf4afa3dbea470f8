"""Finding out which items of a fleet there are now, and which of them a requester chose."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.looker import Looker, said
from core.action import Verb
from core.baselines import MAX_BYTES
from core.errors import NotStartedError, OutcomeLostError, RefusedError
from core.fleet import Selection, read_items, select
from core.givens import known_parameters
from core.items import list_of
from core.names import did_you_mean
from core.plan import Fleet, Plan
from core.target import Target
from core.words import fill_command, on_host


class Discovery:
    def __init__(self, looker: Looker, selections: Path | None) -> None:
        self._looker = looker
        self._selections = selections

    async def select(self, plan: Plan, target: Target, given: Mapping[str, str]) -> Selection | None:
        """
        Return what *given* chooses of the plan's fleet; None for a plan without one.

        Raises:
            RefusedError: nothing was chosen, no host of the role answers, or what it says is no list.
        """
        fleet = plan.fleet
        if fleet is None:
            return None
        what = fleet.what or fleet.name
        chosen = given.get(fleet.select, "")
        if not chosen:
            raise RefusedError(
                f"say which {what}: {fleet.select}=NAME,…  (or label:KEY=VALUE, version:VERSION, file:NAME, all)"
            )
        words = {"target": target.id, **known_parameters(plan, target), **given}
        found = read_items(what, await self._ask(fleet, target, words))
        return select(fleet, found, chosen, self._lines_of)

    async def _ask(self, fleet: Fleet, target: Target, words: Mapping[str, str]) -> str:
        """The first host of the role that answers is asked; an answer that is a failure is an answer."""
        what, silent = fleet.what or fleet.name, []
        for host in target.in_role(fleet.role):
            command = fill_command(fleet.discover, on_host(words, host))
            try:
                ended = await self._looker.look("discover", f"{fleet.name}@{host.name}", Verb.PROBE, command, host)
            except (NotStartedError, OutcomeLostError) as error:
                silent.append(str(error))
                continue
            if ended.exit_code:
                raise RefusedError(f"{what} cannot be discovered on '{host.name}': {said(ended)}")
            if len(ended.stdout.encode()) >= MAX_BYTES:
                raise RefusedError(
                    f"{what} cannot be discovered: '{host.name}' printed {MAX_BYTES // 1024} KiB or more"
                )
            return ended.stdout
        why = "; ".join(silent) or f"target '{target.id}' has no host in the role '{fleet.role}'"
        raise RefusedError(f"{what} cannot be discovered, for no host answers: {why}")

    def _lines_of(self, name: str) -> Sequence[str]:
        """
        Return the lines of a file of names.

        Raises:
            RefusedError: there is no such file.
        """
        folder = self._selections
        there = sorted(path.name for path in folder.iterdir()) if folder is not None and folder.is_dir() else []
        if folder is None or name not in there:
            raise RefusedError(f"there is no file '{name}' in the folder 'selections'{did_you_mean(name, there)}")
        try:
            return list_of((folder / name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"the file of names '{name}' cannot be read: {error}") from error
