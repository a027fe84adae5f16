"""The half of Fathom that measures: it trains the runs that the studies ask for and publishes what it saw."""
