"""The words of the house: frozen values and enums, without machinery."""
