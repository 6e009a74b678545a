"""How weights are learnt, one epoch at a time."""
