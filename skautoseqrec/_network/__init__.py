"""What weights compute: encoders, decoders, heads.

``module`` is the network of the paper, ``heads`` what is scored with it, ``history_encoder`` the contract of encoders
of histories, ``model`` the trained weights with what gives them meaning. No state, no training.
"""
