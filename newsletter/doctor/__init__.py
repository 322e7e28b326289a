"""Whether a newsletter could be sent from here, and what to mend if not."""
