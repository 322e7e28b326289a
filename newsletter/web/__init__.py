"""What the public sees: sign-up, a person's own page, leaving, the archive; what machines ask."""
