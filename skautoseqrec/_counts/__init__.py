"""What a log adds up to, exactly and without trained weights.

Histories, transitions, popularity and the decayed trend: whole numbers wherever they are added to and taken from.
NumPy and SciPy only; torch begins one room further up.
"""
