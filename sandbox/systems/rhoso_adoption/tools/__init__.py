"""
What only this system has: Pacemaker with `pcs` and `cibadmin`, `ovn-sbctl`, OpenShift's operators, and the database
in one of its pods.
"""
