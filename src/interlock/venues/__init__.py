"""Places that trade: one port, one module each, never importing each other."""
