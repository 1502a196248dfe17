"""How ``gateway.db`` came to be what it is: one step after the other, each applied once."""
