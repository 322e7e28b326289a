"""ARCHIVE: what was sent -> the public site and the copies of the emails, as files."""
