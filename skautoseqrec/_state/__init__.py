"""What one event changes: updated exactly, read without locks."""
