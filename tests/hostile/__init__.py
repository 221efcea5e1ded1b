"""Attacks: what broke once, as generators."""
