"""The steps, oldest first. A step that was shipped is never changed: another follows it."""
