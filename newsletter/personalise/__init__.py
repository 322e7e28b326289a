"""PERSONALISE: a rendered variant and one subscriber -> the message as bytes."""
