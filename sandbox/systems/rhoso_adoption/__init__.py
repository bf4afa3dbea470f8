"""
An RHOSP 17.1 cloud whose adoption to RHOSO 18 went wrong after its control plane was moved.

`system` describes it, `tools` has the commands and clusters that are its own. Nothing is imported here: those commands
start in the time it takes to import this file.
"""
