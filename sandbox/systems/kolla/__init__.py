"""
A Kolla cloud of three controllers and two computes whose upgrade, or update, went wrong.

`system` describes it, `tools` has the commands that are its own. Nothing is imported here: those commands start in the
time it takes to import this file.
"""
