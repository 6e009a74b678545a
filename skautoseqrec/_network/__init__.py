"""What weights compute: encoders, decoders, heads. No state, no training."""
