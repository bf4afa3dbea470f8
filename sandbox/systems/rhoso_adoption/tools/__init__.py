"""What only this system has: Pacemaker with `pcs` and `cibadmin`, OVN's `ovn-sbctl`, OpenShift's operators, a database in a pod."""
