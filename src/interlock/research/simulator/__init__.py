"""The fault simulator: the whole engine in a world that fails on purpose, from one seed."""
