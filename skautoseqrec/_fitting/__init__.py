"""From a log and parameters to weights and a blend.

``fit`` is the way in, ``learner`` trains, validates and refits, ``validation`` and ``blend_fit`` weigh the parts of
the score, ``reporting`` tells of it.
"""
