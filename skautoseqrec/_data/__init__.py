"""From whatever a user hands in to columns of ids and times, or a refusal that names column and row."""
