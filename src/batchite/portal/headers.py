"""What browsers are told beside the content: which of it may do what."""

from __future__ import annotations


def of_pages(blob_origin: str) -> dict[str, str]:
    """For every page. Scripts reach the Blob service at `blob_origin` besides this one, if there is one.

    The referrer stays within the portal rather than nowhere: without any, browsers name no origin with
    forms, and then nobody could tell ours from others.
    """
    connect = " ".join(filter(None, ["'self'", blob_origin]))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {connect}; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    )
    return {**OF_ALL, "content-security-policy": policy, "cache-control": "no-store"}


OF_ALL = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
OF_DRAWINGS = {
    **OF_ALL,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""of SVG, which has its style within and is a document when somebody opens it by itself"""
OF_STATIC = {**OF_ALL, "cache-control": "public, max-age=31536000, immutable"}
OF_ENTERING = {"referrer-policy": "no-referrer"}
"""of the page whose URL has a token in it"""
OF_UPLOADS = {
    **OF_ALL,
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "no-store",
    "content-type": "text/plain; charset=utf-8",
}
"""of what others have uploaded: it is shown as text, and even if a browser took it for a page, that page
could do nothing and would belong to nobody"""
