"""What is written to disk, and checked to the last byte when it is read back."""
