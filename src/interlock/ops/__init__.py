"""What keeps a trading system in order, and works while the engine is dead."""
