"""Daemons of this system's containers. Standard library only, as every tool."""
