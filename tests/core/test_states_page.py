"""docs/states.md shows the tables as they are."""

import importlib.util
from pathlib import Path

from core import run_states, unit_states

ROOT = Path(__file__).parents[2]


def _page() -> str:
    spec = importlib.util.spec_from_file_location("draw_states", ROOT / "tools" / "draw_states.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def test_the_page_is_up_to_date() -> None:
    """If this fails: `python tools/draw_states.py`, and look at what changed."""
    assert (ROOT / "docs" / "states.md").read_text(encoding="utf-8") == _page()


def test_every_change_of_state_is_drawn() -> None:
    lines = _page().splitlines()

    for table in (run_states.NEXT, unit_states.NEXT):
        for (before, kind), after in table.items():
            begins = f"    {before} --> {after}: " if before is not after else f"- `{before}` stays: "
            drawn = [line.removeprefix(begins).split(", ") for line in lines if line.startswith(begins)]
            assert any(kind in kinds for kinds in drawn), (before, kind)
