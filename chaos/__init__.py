"""The chaos harness: a real bot on real hosts and a real database, killed and cut off on purpose; see docs/chaos.md."""
