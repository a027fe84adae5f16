"""The one kind of error whose text is written for the person at the keyboard."""


class FathomError(Exception):
    """Something expected was not there. The text says what was expected, what came and what to do."""
