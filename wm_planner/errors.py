"""What a user can put right."""


class UserError(Exception):
    """Bad input: the message names the value, what was expected and the way out."""
