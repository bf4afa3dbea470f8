"""
A cloud whose fast-forward upgrade, newton to queens over three hops, failed in its middle.

`system` describes it, `tools` has LVM, which is its own. Nothing is imported here: its commands start in the time it
takes to import this file.
"""
