"""Answers as callers use them: arrays, frames, lists and sentences, of ids and titles, made from codes and scores.

Scoring below knows codes and tensors. Here ids come in and go out, unknown ones are spoken of, and pages are reranked.
"""
