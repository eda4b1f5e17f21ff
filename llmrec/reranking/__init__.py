"""A shortlist put in order by a chat model."""
