"""What the service adds to the library's errors, and the code that each has in answers and rows."""

from slipcast.core.errors import QuotaExceeded, SlipcastError


class LimitReached(QuotaExceeded):
    """A limit of the tenant's is used up."""

    def __init__(self, message: str, *, retry_s: float | None = None) -> None:
        """`retry_s`: in how many seconds the same request may pass; None where waiting alone does not help."""
        super().__init__(message)
        self.retry_s = retry_s


def code_of(error: SlipcastError) -> str:
    """The name of the error's class; of a kind that is ours alone, the library's.

    >>> code_of(LimitReached("the storage is used up"))
    'QuotaExceeded'
    """
    return "QuotaExceeded" if isinstance(error, LimitReached) else type(error).__name__
