"""From a person's reviews to an interest profile with evidence."""
