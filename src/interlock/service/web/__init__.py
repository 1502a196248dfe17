"""The dashboard: pages that hold no data, and the small modules that fetch and draw it."""
