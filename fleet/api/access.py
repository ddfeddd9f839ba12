"""What an endpoint of the API declares: its permission, and what stands in its documentation."""

from collections.abc import Callable

from fleet.access import At, View, actor, declare, may_have, must_reach, reach
from fleet.domain.access import Access

PREFIX = "/api/v1"

__all__ = ["PREFIX", "Access", "At", "actor", "allow", "may_have", "must_reach", "reach"]


def allow(
    access: Access, *, at: At | None = None, if_match: bool = False, etag: bool = False
) -> Callable[[View], View]:
    """Declare who may call this view. It stands nearest to the function, under all decorators.

    `if_match`: only with an If-Match header. `etag`: the answer has one. All are documented.
    """

    def decorate(view: View) -> View:
        declare(view, access, at)
        view._apidoc |= {"if_match": if_match, "tagged": etag}  # type: ignore[attr-defined]
        # OPTIONS would be documented nowhere and serve nobody: other origins' pages may not ask.
        view.provide_automatic_options = False  # type: ignore[attr-defined]
        return view

    return decorate
