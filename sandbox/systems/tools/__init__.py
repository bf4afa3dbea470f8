"""
The commands practice hosts share. Each is a module with `main(machine, words) -> exit status`.

They run on hosts as `python -I -S run.py MODULE HOST NAME …`, with the standard library alone, and keep their state as
JSON: a host's own under HOST/state, a cluster's under WORLD/shared. What makes a Python start slow (argparse,
dataclasses, pathlib, subprocess, typing) is left out where it is not needed.
"""
