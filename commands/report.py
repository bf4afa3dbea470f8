"""`/rollback report RUN`: the whole story of a run as a document."""

from commands.base import Command, Reply, Request
from commands.choose import no_more_words, run_id, the_run
from commands.say import headline, next_line
from commands.text import fit
from core.ports import Service
from core.run import RunView

USAGE = "report RUN"


async def handle(request: Request, service: Service) -> Reply:
    view, rest = await _run(request, service)
    no_more_words(rest, USAGE)
    document = await service.report(view.run.id)
    lines = [headline(view), "The report is attached." if view.state.status.ended else next_line(view)]
    return Reply(text=fit(lines), document=document, document_name=f"{view.run.id}.md")


async def _run(request: Request, service: Service) -> tuple[RunView, tuple[str, ...]]:
    """Without a word, and with nothing active, the last run is meant: people ask for its report when it is over."""
    if not request.words or run_id(request.words[0]) is None:
        active = await service.runs(active=True)
        last = await service.runs(limit=1)
        if not active and last:
            return last[0], request.words
    return await the_run(request, service)


COMMAND = Command(
    name="report",
    usage=USAGE,
    summary="Give the whole story of a run as a document.",
    handle=handle,
    offline=True,
    group="Look",
    examples=("report R-17",),
)
