"""The editor's preview: the issue while it is written, on this machine alone, never on the web.

A page is made from what its address says (`view.py`), the issues as they stand on disk
(`drafts.py`) and who would get them (`readers.py`); `changes.py` tells open pages of a save.
"""
