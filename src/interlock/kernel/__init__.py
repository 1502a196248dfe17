"""Room: the kernel decides. Pure, compiled, and the only place where a rule is written."""
