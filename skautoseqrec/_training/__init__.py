"""How weights are learnt, one epoch at a time.

``objectives`` say what is minimised on which rows, ``batches`` form the rows, ``steps`` and ``sampled_steps`` take a
step, ``loop`` is the epoch.
"""
