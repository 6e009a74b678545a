"""From state and weights to scores, lists and ranks. Training is not needed to answer."""
