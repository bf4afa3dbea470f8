"""The two releases of nova-api, practice edition, as they are unpacked on a controller."""
