"""What is written to disk, and checked to the last byte when it is read back.

``saving`` and ``loading`` are the ways in, ``format`` says what is in a file, ``files`` how it is written whole,
``journal`` what happened since, ``pickling`` what copies hold.
"""
