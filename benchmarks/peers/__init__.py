"""Rivals of the recommender, one a file, over one replay: each is fitted on a log and ranks the events that follow."""
