"""From state and weights to scores, lists and ranks.

``view`` is what rows are scored from, ``parts`` the table of what is added up, ``blend`` its weights, ``scorer`` the
sum. ``topk`` makes lists of it, ``walk_forward`` ranks, ``explain`` and ``embeddings`` show it. No training is needed
here.
"""
