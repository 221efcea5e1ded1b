"""Training on many workers: how they meet, what they share, and what happens when one is lost."""
