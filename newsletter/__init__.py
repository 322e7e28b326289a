"""A monthly email newsletter: read → assemble → render → personalise → dispatch → archive."""
