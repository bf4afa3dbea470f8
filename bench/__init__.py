"""Benchmarks: figures with their ratio to a peer, a floor or a limit. Never part of the tests."""
