"""Errors that a person can act on."""


class DigestError(Exception):
    """A failure whose message is written for the person who has to mend it."""


class SettingError(DigestError):
    """A setting is missing or malformed; the message starts with the variable's name."""


class NotMigratedError(DigestError):
    """The database's tables are not those of this version of Digest."""


class WrongEncodingError(DigestError):
    """The database keeps text in an encoding that cannot hold all of it; says how to mend it."""


class RightsError(DigestError):
    """The database does not let Digest's role do what it must; says how to mend it."""


class UnavailableError(DigestError):
    """Something we depend on (database, disk) did not answer; nothing was written."""


class NotFoundError(DigestError):
    """What was asked for does not exist."""


class RefusedError(DigestError):
    """The request was understood and may not be done, with the reason in words."""


class FieldError(DigestError):
    """A value that was given cannot be used; `field` names it, `sentence` is for who typed it.

    `suggestion`: the value that was probably meant.
    """

    def __init__(self, field: str, sentence: str, suggestion: str | None = None) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence
        self.suggestion = suggestion
