"""What one event changes: updated exactly, read without locks.

An event enters in three forms that stand beside each other: one by one (``overlay``), many at once (``base``), and in
blocks of a walk (``replay``). ``state`` publishes snapshots (``snapshot``), ``forgetting`` takes events out.
"""
