"""What can go wrong, as a tree.

SlipcastError
├── BadInput        wrong use: a file, an option or a picture that cannot be worked with
│   └── NoFigurine         the picture shows nothing that could be cut out
├── ProviderError   a picture provider did not deliver
│   ├── ProviderTimeout    it did not answer in time
│   ├── QuotaExceeded      it limits how much or how often we may ask
│   ├── PictureRefused     it declined to make this picture
│   └── BadAnswer          it answered with something that is not a picture
├── MissingWeights  a depth model's weights are absent or damaged
├── StageFailed     a stage could not produce its value from input that looked right
├── DiskFull        the disk has no room for the result
└── QualityGate     the result exists and does not meet what was asked

Every message is one sentence or two that name the file or field, what is wrong and what to do.
`STATUS` is the one table from class to exit code and HTTP status.
"""

from typing import NamedTuple

from slipcast.core.mention import FIELDS, Mention


class SlipcastError(Exception):
    """Base of every error that Slipcast raises on purpose; its text is meant for the user."""


class BadInput(SlipcastError):
    """A file, an option or a picture that cannot be worked with."""

    def __init__(self, message: str = "", *, field: str = "", cure: str = "") -> None:
        super().__init__(FIELDS.fill(message, field=field, cure=cure))
        self.sentence = message
        """The message without `cure`."""
        self.field = field
        """The option's field that is wrong, where it is one: the message begins with its name."""
        self.cure = cure
        """The option that helps, as `keep` or `detail=draft`: the message ends with it."""

    def tell(self, mention: Mention) -> str:
        """The message, with the options called as `mention` calls them: by field, or as `--flags` of the command.

        >>> from slipcast.core.mention import FIELDS
        >>> BadInput("faces is 1; give 100 or more", field="faces").tell(FIELDS)
        'faces is 1; give 100 or more'
        """
        return mention.fill(self.sentence, field=self.field, cure=self.cure)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.sentence, self.field, self.cure)


class NoFigurine(BadInput):
    """The picture shows nothing that could be cut out."""


class ProviderError(SlipcastError):
    """A picture provider did not deliver."""


class ProviderTimeout(ProviderError):
    """The provider did not answer within the deadline; the call may have been billed."""


class QuotaExceeded(ProviderError):
    """The provider limits how much or how often we may ask."""


class PictureRefused(ProviderError):
    """The provider declined to make this picture."""


class BadAnswer(ProviderError):
    """The provider answered with something that is not a complete picture."""


class MissingWeights(SlipcastError):
    """A depth model's weights are absent or damaged."""


class StageFailed(SlipcastError):
    """A stage could not produce its value from input that looked right."""


class DiskFull(SlipcastError):
    """The disk has no room for the result; a run of several pictures stops there."""


class QualityGate(SlipcastError):
    """The result exists and does not meet what was asked."""


def _restore(kind: type[BadInput], message: str, field: str, cure: str) -> BadInput:
    """An error that came from a worker process."""
    return kind(message, field=field, cure=cure)


class Status(NamedTuple):
    """How an error leaves the process and the service."""

    exit_code: int
    http: int


STATUS: dict[type[SlipcastError], Status] = {
    SlipcastError: Status(1, 500),
    BadInput: Status(2, 422),
    NoFigurine: Status(2, 422),
    ProviderError: Status(3, 502),
    ProviderTimeout: Status(3, 504),
    QuotaExceeded: Status(3, 429),
    PictureRefused: Status(3, 422),
    BadAnswer: Status(3, 502),
    MissingWeights: Status(4, 503),
    StageFailed: Status(5, 500),
    QualityGate: Status(6, 422),
    DiskFull: Status(7, 507),
}


def status_of(error: SlipcastError) -> Status:
    """Return the exit code and HTTP status of the nearest listed class of `error`."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
