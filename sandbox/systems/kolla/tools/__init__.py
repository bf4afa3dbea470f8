"""What only a deployment host of Kolla has: `kolla-ansible` and `ansible`."""
