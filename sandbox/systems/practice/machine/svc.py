"""
`svc`: start and stop this host's services. Exit statuses are systemctl's.

0 done (or nothing to do), 1 failed, 2 wrong words, 3 not running, 5 no such service.
"""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

from .locks import locked
from .pace import linger
from .paths import LOG, ROOT, RUN, SERVICES
from .processes import Process, born, end, recorded

USAGE = "usage: svc start|stop|restart|status|is-active|mask|unmask SERVICE [REASON]"
START_PATIENCE_S = 15.0
STOP_PATIENCE_S = 10.0


def main() -> int:
    words = sys.argv[1:]
    if len(words) < 2 or words[0] not in (*VERBS, "mask"):
        return _complain(USAGE, 2)
    verb, service = words[:2]
    if not (SERVICES / f"{service}.json").is_file():
        return _complain(f"no service '{service}' on this host", 5)
    if verb == "mask":
        return mask(service, " ".join(words[2:]))
    with locked(RUN / f"{service}.lock"):
        return VERBS[verb](service)


def start(service: str) -> int:
    if _mask(service).exists():
        why = _mask(service).read_text().strip()
        return _complain(f"cannot start {service}: it is masked ({why}); 'svc unmask {service}' lets it start", 1)
    if process := recorded(_pid_file(service)):
        print(f"{service} already runs as {process.pid}")
        return 0
    linger(f"starting {service}", 0.5)
    return _spawn(service)


def _spawn(service: str) -> int:
    argv = json.loads((SERVICES / f"{service}.json").read_text())["argv"]
    ready, tell_ready = os.pipe()
    with (LOG / f"{service}.log").open("ab") as log:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, "READY_FD": str(tell_ready)},
            pass_fds=(tell_ready,),
            start_new_session=True,
        )
    os.close(tell_ready)
    _pid_file(service).write_text(str(Process(child.pid, born(child.pid) or "?")))
    listening = _said_ready(ready)
    if listening:
        print(f"{service} started as {child.pid}")
        return 0
    child.kill()
    child.wait()
    _pid_file(service).unlink()
    lines = (LOG / f"{service}.log").read_text().splitlines()[-3:]
    return _complain(f"{service} did not start; the end of its log:\n  " + "\n  ".join(lines), 1)


def _said_ready(pipe: int) -> bool:
    """Wait until the service says it listens. It says nothing when it dies: the pipe just ends."""
    readable, _, _ = select.select([pipe], [], [], START_PATIENCE_S)
    said = os.read(pipe, 1) if readable else b""
    os.close(pipe)
    return said != b""


def stop(service: str) -> int:
    process = recorded(_pid_file(service))
    if process is None:
        print(f"{service} is not running")
    else:
        linger(f"stopping {service}", 0.5)
        killed = end(process, patience_s=STOP_PATIENCE_S)
        print(f"{service} stopped{' (it had to be killed)' if killed else ''}")
    _pid_file(service).unlink(missing_ok=True)
    return 0


def restart(service: str) -> int:
    return stop(service) or start(service)


def status(service: str) -> int:
    process = recorded(_pid_file(service))
    masked = f", masked: {_mask(service).read_text().strip()}" if _mask(service).exists() else ""
    print(f"{service}: {f'active, pid {process.pid}' if process else 'inactive'}{masked}")
    return 0 if process else 3


def is_active(service: str) -> int:
    process = recorded(_pid_file(service))
    print("active" if process else "inactive")
    return 0 if process else 3


def mask(service: str, why: str) -> int:
    """Forbid starting it. What runs is left alone, as systemctl does."""
    _mask(service).write_text((why or "no reason given") + "\n")
    print(f"{service} is masked")
    return 0


def unmask(service: str) -> int:
    _mask(service).unlink(missing_ok=True)
    print(f"{service} may be started")
    return 0


VERBS = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "status": status,
    "is-active": is_active,
    "unmask": unmask,
}


def _pid_file(service: str) -> Path:
    return RUN / f"{service}.pid"


def _mask(service: str) -> Path:
    return SERVICES / f"{service}.masked"


def _complain(text: str, status: int) -> int:
    print(f"svc: {text}", file=sys.stderr)
    return status
