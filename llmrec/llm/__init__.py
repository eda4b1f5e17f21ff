"""Talking to models: requests and replies, prompts, tokens, recordings of calls and vectors."""
