"""What one event changes: updated exactly, read without locks.

An event enters in four forms that stand beside each other: appended to an ``overlay``, added up in a ``base``, let in
step by step (``merge``), and in blocks of a walk (``replay``). ``changes`` says what the events of an overlay changed
for everybody. ``state`` publishes snapshots (``snapshot``), ``forgetting`` takes events out.
"""
