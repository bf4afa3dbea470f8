#!/usr/bin/env python3
"""Refresh what `belay explain` says in docs/plans/*.md, between `<!-- belay explain ID -->` and `<!-- end -->`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bot.explain import explain  # noqa: E402 (found by the line above, when run as a program)
from core.names import pick  # noqa: E402
from store.plan_files import load_plans  # noqa: E402

PAGES = ROOT / "docs" / "plans"
_PART = re.compile(r"(<!-- belay explain ([\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refreshed(text: str) -> str:
    """Return the page with each marked part as its plan is now; a page without one is an error."""
    plans, errors = load_plans(ROOT / "plans")
    if errors:
        raise errors[0]
    page, parts = _PART.subn(lambda m: f"{m[1]}\n{explain(plans[pick('plan', m[2], plans)])}\n{m[3]}", text)
    if not parts:
        raise SystemExit("a page has no '<!-- belay explain ID -->' … '<!-- end -->' in it")
    return page


if __name__ == "__main__":
    for path in sorted(PAGES.glob("*.md")):
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")
