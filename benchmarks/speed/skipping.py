"""What a measurement raises that can't be made here."""


class Skipped(Exception):
    """The message says why there is no measurement."""
