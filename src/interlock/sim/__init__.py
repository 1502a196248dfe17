"""Room: a world that obeys a seed. One compiled venue, hosted by backtest, paper and simulator."""
