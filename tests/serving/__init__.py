"""Servers for the tests: one of our own that fails on demand, and real ones as subprocesses."""
