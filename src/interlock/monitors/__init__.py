"""Room: monitors look whether what keeps us safe still does; they ask, and never order."""
