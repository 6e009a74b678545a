"""Whatever a user hands in becomes columns of ids and times, or is refused by column and row.

``reading`` is the one place that reads; ``ids``, ``times`` and ``checks`` say what is refused, ``interactions`` holds
what was read, ``vocabulary`` maps ids to codes, ``packing`` turns columns into arrays, ``estimators`` is what all
estimators that take a log share.
"""
