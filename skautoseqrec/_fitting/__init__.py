"""From a log and parameters to weights and a blend."""
