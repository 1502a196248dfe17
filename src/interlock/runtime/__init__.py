"""The running engine: a core without I/O, and a thin driver around it."""
