"""What lies on a practice host: its tools, its services, its releases. The standard library alone."""
