"""The simulated venue: a process of its own, whose orders and balances outlive the engine."""
