"""Plans as files: plans/<system>/<name>.yaml, read with the line of whatever is wrong in them."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import PlanError
from core.plan import Plan
from core.reader import build_plan
from store.yaml_file import Document, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """A plan with where it stands; `document.line("steps/3/do")` is the line of that part."""

    plan: Plan
    document: Document


def read_plan(path: Path) -> PlanFile:
    """
    Raises:
        PlanError: the file is not a plan; file and line say where.
    """
    document = read_yaml(path)
    try:
        return PlanFile(plan=build_plan(document.data), document=document)
    except PlanError as error:
        raise document.locate(error) from None


def load_plans(*folders: Path) -> tuple[dict[str, Plan], list[PlanError]]:
    """
    Read every .yaml and .yml file below *folders*: the plans by id, and what is wrong with the other files.

    One bad file hides no good one. Of two files with one id neither is taken: nobody could tell which is meant.
    """
    found: dict[str, PlanFile] = {}
    twice: set[str] = set()
    errors: list[PlanError] = []
    for path in _files(folders, errors):
        try:
            file = read_plan(path)
        except PlanError as error:
            errors.append(error)
            continue
        plan_id = file.plan.id
        if plan_id in found:
            twice.add(plan_id)
            problem = f"'{plan_id}' is the id of {found[plan_id].document.file} too; neither is used"
            errors.append(file.document.locate(PlanError("id", problem)))
        else:
            found[plan_id] = file
    return {plan_id: file.plan for plan_id, file in found.items() if plan_id not in twice}, errors


def _files(folders: tuple[Path, ...], errors: list[PlanError]) -> list[Path]:
    files: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            errors.append(PlanError("", "should be a folder of plans, is none", file=str(folder)))
            continue
        for path in sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml"))):
            files.setdefault(path.resolve(), path)
    return list(files.values())
