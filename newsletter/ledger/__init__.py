"""What was promised and what became of it; the only room that knows SQL."""
