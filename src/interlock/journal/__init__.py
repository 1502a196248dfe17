"""What happened, provably: opaque records in a hash chain; knows nothing of trading."""
