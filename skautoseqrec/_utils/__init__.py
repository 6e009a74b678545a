"""Tools that know nothing of recommending.

Ragged rows and arrays that grow, sparse matrices, devices, memory, warnings, and arguments that several methods
check. A room may import from here whatever it needs; nothing here imports from another room.
"""
