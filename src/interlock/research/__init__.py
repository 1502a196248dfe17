"""Research: backtests of stored bars through the same kernel, and what can be learnt from them."""
