"""From state and weights to scores, lists of codes and ranks.

``view`` is what rows are scored from, ``parts`` the table of what is added up, ``blend`` its weights, ``scorer`` the
sum. ``topk`` and ``best_users`` make lists of it, ``walk_forward`` ranks, ``explain``, ``past_items`` and
``embeddings`` show it, and ``alike`` compares items. No training is needed here.
"""
