"""
A practice fleet: hosted control planes on one management cluster, upgraded to a z-stream release that breaks them.

A bastion with `oc` and `ocm`, a management cluster with the HyperShift operator behind it, a cluster's own API server
each, and the service that owns them. Nothing is imported here: `tools/` are commands of hosts. `system` describes it.
"""
