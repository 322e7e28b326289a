"""What can be said of an issue before anybody gets it; one list for command, send and preview.

`run.py` goes through every check of a `Proof`, the issue as it would go out. A file is a subject;
its check gives problems with the editor's own file and line. An error is what must not be sent, a
warning is advice, a note is worth knowing. `reach.py` alone uses the network, and only when asked.
"""
