"""
Practice systems: clouds whose upgrade really went wrong, one folder each, and the frame they stand in.

`system` says what a practice system is, `scenario` what can be practised on it, `world` raises it, `catalogue` lists
them all. `tools` has the commands hosts share (systemctl, podman, mysql …). Nothing is imported here: those commands
start in the time it takes to import this file.
"""
