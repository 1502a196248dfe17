"""Data: instruments, bars on disk, exchange calendars and blackout windows, as plain arrays."""
