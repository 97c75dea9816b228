"""What can be wrong with a request before a service looks at it.

WebProblem
├── NotHttp            what came is no HTTP/1.1 request, or one with too long a head
├── MalformedRequest   the URL, query or a header cannot be read
├── Foreign            a header shows that a page of somebody else's asks
├── PathNotFound       no route has this shape
├── VerbNotAllowed     the path exists, but not with this verb
├── BodyTooLarge       the body is longer than the operation takes
├── BodyIncomplete     what came of the body is not what was announced
├── Unavailable        something that the answer needs cannot be used at present
├── InjectedFault      a test asked for this error
├── ClientGone         the client left before its body was complete; nobody reads the answer
└── BrokenOff          what is being sent cannot be sent to its end

Each service turns these into its own documented error (see `guard.Fallback`).
"""

from __future__ import annotations

RETRY_SECONDS = 5
"""After what time to come back to a service that is busy."""


class WebProblem(Exception):  # noqa: N818 - what is wrong is the client's request, not our program
    """Base of the problems in this module; its text says what is wrong and can be shown to the client."""


class NotHttp(WebProblem):
    """The parser of HTTP refuses it; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is not a request as HTTP/1.1 has them. {reason}")


class MalformedRequest(WebProblem):
    """The request cannot be read; the text says which part and why."""


class Foreign(WebProblem):
    """The `header` shows that a page of somebody else's makes the request; `rule` reads after "it"."""

    def __init__(self, header: str, value: str, rule: str) -> None:
        super().__init__(f"{header} is {value[:100]!r}: it {rule}.")
        self.header = header
        self.value = value
        self.rule = rule


class PathNotFound(WebProblem):
    """No operation has a path of this shape."""

    def __init__(self, raw_path: str) -> None:
        super().__init__(f"No operation has the path {raw_path[:200]!r}.")
        self.raw_path = raw_path


class VerbNotAllowed(WebProblem):
    """The path exists; `allowed` names the verbs it takes."""

    def __init__(self, verb: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"The path takes {', '.join(allowed)}, not {verb[:20]}.")
        self.verb = verb
        self.allowed = allowed


class BodyTooLarge(WebProblem):
    """More than `limit` bytes; `size` is the announced size, or None if the body was sent without one."""

    def __init__(self, limit: int, size: int | None) -> None:
        what = "longer than that" if size is None else f"{size} bytes long"
        super().__init__(f"The body may have at most {limit} bytes, and it is {what}.")
        self.limit = limit
        self.size = size


class BodyIncomplete(WebProblem):
    """What came of the body is not what was announced. Where the next request begins is not known either."""


class Unavailable(WebProblem):
    """Something that the answer needs cannot be used at present; the same request may succeed later."""

    @classmethod
    def lacking(cls, what: str) -> Unavailable:
        """There is too little of something."""
        return cls(f"The service is short of {what} at present. Send the request again later.")


class InjectedFault(WebProblem):
    """A test asked for the service's error `code`."""

    def __init__(self, code: str) -> None:
        super().__init__("A test asked for this error.")
        self.code = code


class ClientGone(WebProblem):
    """The connection was closed while the body was being read."""


class BrokenOff(WebProblem):
    """An answer that has begun cannot be finished: the connection is closed, which tells the client."""
