"""Run a tool on a practice host: `run.py MODULE HOST NAME WORDS…`. Each call is noted in HOST/log/calls."""

import sys
import time
from importlib import import_module

sys.path.insert(0, __file__.rsplit("/", 4)[0])
sys.dont_write_bytecode = False


def main() -> int:
    module, directory, name, *words = sys.argv[1:]
    from sandbox.systems.tools.machine import Machine, SaysNoError  # noqa: PLC0415  # the path had to be set first

    machine = Machine(directory, name)
    began = time.time()
    status = 1
    try:
        status = import_module(module).main(machine, words)
    except SaysNoError as no:
        status = no.status
        print(no, file=sys.stderr)
    except BrokenPipeError:
        status = 141
        sys.stdout = None  # what is left in it has no reader
    finally:
        machine.note(words, began, status)
    return status


if __name__ == "__main__":
    sys.exit(main())
