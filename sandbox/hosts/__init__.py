"""
Practice hosts: a small cloud on one machine, whose upgrade really went wrong.

Five SSH servers on loopback (three controllers, two computes), each a process of its own, run real commands.
Each controller runs "nova-api, practice edition" over HTTP; controller-1 keeps their SQLite database. The world
starts on Newton, is really upgraded to Ocata, and then really answers wrongly: what a rollback undoes here
are files, processes and a database, and what a probe reads is what is there.

Nothing needs root or a Debian package. `machine/` is what gets copied onto a host; the rest runs the hosts.
Start with `sandbox.hosts.world.PracticeWorld` and `sandbox.hosts.scenarios.SCENARIOS`.
"""
