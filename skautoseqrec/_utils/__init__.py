"""Tools that know nothing of recommending: ragged rows, sparse matrices, devices, memory, warnings, weighted means."""
