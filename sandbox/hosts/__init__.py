"""
Practice hosts: real SSH servers on loopback, each with a directory, commands and a file system view of its own.

`build` lays hosts out, `nursery` starts their servers, `guard` ends everything with whoever made it, `view` gives a
host its own /var, /etc and so on. What the hosts run, and what went wrong with it, is the business of
`sandbox.systems`.
"""
