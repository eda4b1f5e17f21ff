"""The catalogue in PostgreSQL with pgvector, for what one machine's memory is too slow for."""
