"""Runs of file after file that end at any of their moments, as a kill would end them."""


class Killed(BaseException):
    """Ends a run as a kill would: nothing of ours catches it."""


class Killing:
    """Counts the moments of a run, and ends it at one of them.

    count (int): Moments so far.
    at (int | None): The moment at which the run ends; None for never.
    """

    def __init__(self):
        self.count = 0
        self.at = None

    def begin(self, at=None):
        """Count again, for a run that is to end there."""
        self.count, self.at = 0, at

    def moment(self):
        self.count += 1
        if self.count == self.at:
            raise Killed

    def around(self, function):
        """The function with a moment before and one after."""

        def wrapped(*args, **kwargs):
            self.moment()
            result = function(*args, **kwargs)
            self.moment()
            return result

        return wrapped

    def within(self, append):
        """`growing_files.append` with a moment at which half is written."""

        def half(path, content, *, at):
            append(path, content[: len(content) // 2], at=at)
            self.moment()
            append(path, content, at=at)

        return half
