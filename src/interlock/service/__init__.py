"""Faces people and webhooks: the API, its doors, who may use them, and the dashboard.

It holds no venue's key and reads no journal. What it wants of trading it asks of the engine.
"""
