"""DISPATCH: who gets what, and the claiming, sending and recording of it."""
