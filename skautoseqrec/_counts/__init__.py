"""What a log adds up to, exactly and without weights: histories, transitions, popularity and trends."""
