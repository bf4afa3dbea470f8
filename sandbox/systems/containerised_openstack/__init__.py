"""
A cloud whose services run in containers that systemd starts, gone wrong on its way from Newton to Ocata.

`system` describes it. Nothing is imported here: its tools start in the time it takes to import this file.
"""
