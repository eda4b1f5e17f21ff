"""Honest evaluation: what is held out, what a profile may have seen, and what a result is worth."""
