"""From an interest profile and a catalogue to scored items."""
