import pytest

from batchite.wire.blob import multipart
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.multipart import MAX_FIELDS, MAX_PART_BYTES, MAX_PARTS, Part, PartAnswer

TYPE = "multipart/mixed; boundary=batch_1"


def batch(*requests: str) -> bytes:
    parts = "".join(
        "--batch_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: {number}\r\n\r\n{request}\r\n"
        for number, request in enumerate(requests)
    )
    return f"{parts}--batch_1--\r\n".encode()


def read(content_type: str, body: bytes) -> list[Part]:
    return multipart.read(multipart.boundary(content_type), body)


NESTED = b"--batch_1\r\nContent-Type: multipart/mixed; boundary=batch_1\r\n\r\n" * 3000


def test_requests_are_read_as_they_were_written() -> None:
    first = "DELETE /a/c/b%20c?snapshot=1 HTTP/1.1\r\nx-ms-date: now\r\nContent-Length: 0\r\n\r\n"
    second = "PUT http://host:1/a/c/d?comp=tier HTTP/1.1\r\nAuthorization: SharedKey a:b==\r\n\r\n"
    assert read(TYPE, batch(first, second)) == [
        Part("0", "DELETE", "/a/c/b%20c", "snapshot=1", (("x-ms-date", "now"), ("Content-Length", "0"))),
        Part("1", "PUT", "/a/c/d", "comp=tier", (("Authorization", "SharedKey a:b=="),)),
    ]


def test_requests_end_with_the_boundary_where_clients_leave_out_the_blank_line() -> None:
    """As the official client for JavaScript does."""
    request = "DELETE /a/c/b HTTP/1.1\r\nx-ms-date: now"
    assert read('Multipart/Mixed; charset=utf-8; boundary="batch_1"', batch(request)) == [
        Part("0", "DELETE", "/a/c/b", "", (("x-ms-date", "now"),))
    ]


def test_as_much_as_is_allowed_is_read() -> None:
    fields = "a: 1\r\n" * MAX_FIELDS
    parts = read(TYPE, batch(*[f"DELETE /a/c/b HTTP/1.1\r\n{fields}\r\n"] * MAX_PARTS))
    assert {len(part.headers) for part in parts} == {MAX_FIELDS}
    assert [part.id for part in parts] == [str(number) for number in range(MAX_PARTS)]


def test_long_headers_are_not_folded_or_changed() -> None:
    value = "x" * 3000 + " =?utf-8?q?=41?="
    (part,) = read(TYPE, batch(f"DELETE /a/c/b HTTP/1.1\r\nx-ms-a: {value}\r\n\r\n"))
    assert part.headers == (("x-ms-a", value),)


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("", b"", "InvalidHeaderValue"),
        ("text/plain", b"", "InvalidHeaderValue"),
        ("multipart/mixed; boundary=a\r\nX: y", b"", "InvalidHeaderValue"),
        ("multipart/mixed", batch("DELETE / HTTP/1.1\r\n\r\n"), "InvalidHeaderValue"),
        ("multipart/mixed; boundary=", batch("DELETE / HTTP/1.1\r\n\r\n"), "InvalidHeaderValue"),
        ("multipart/mixed; boundary=" + "b" * 71, b"", "InvalidHeaderValue"),
        (TYPE, b"", "InvalidInput"),
        (TYPE, b"--batch_1\r\n\r\nDELETE / HTTP/1.1\r\n\r\n--batch_1--", "InvalidInput"),
        (TYPE, batch("hello"), "InvalidInput"),
        (TYPE, batch("DELETE /\xe9 HTTP/1.1\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE http://host HTTP/1.1\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE /a#b HTTP/1.1\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\nx-ms-a: 1\n2\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\nx-ms-a: 1\r\n 2\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\nx-ms-a\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\n\r\nbody"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\n\r\n").removesuffix(b"--\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\n\r\n") + b"more", "InvalidInput"),
        (TYPE, b"more" + batch("DELETE / HTTP/1.1\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\n\r\n").replace(b"binary", b"base64"), "InvalidInput"),
        (TYPE, batch(), "InvalidInput"),
        (TYPE, batch(*["DELETE / HTTP/1.1\r\n\r\n"] * (MAX_PARTS + 1)), "InvalidInput"),
        (TYPE, batch(f"DELETE /{'a' * MAX_PART_BYTES} HTTP/1.1\r\n\r\n"), "InvalidInput"),
        (TYPE, batch("DELETE / HTTP/1.1\r\n" + "a: 1\r\n" * (MAX_FIELDS + 1)), "InvalidInput"),
        (TYPE, NESTED, "InvalidInput"),
        (TYPE, NESTED.replace(b"multipart/mixed; boundary=batch_1", b"message/rfc822"), "InvalidInput"),
    ],
)
def test_what_is_no_batch_is_refused(content_type: str, body: bytes, code: str) -> None:
    with pytest.raises(BlobError) as refused:
        read(content_type, body)
    assert refused.value.code == code


def test_answers_are_parts_with_status_headers_and_body() -> None:
    written = multipart.write(
        "r_1", [PartAnswer("0", 202, [("a", "b")], b""), PartAnswer("", 404, [], b"<Error/>")]
    )
    assert written == (
        b"--r_1\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\na: b\r\n"
        b"\r\n\r\n--r_1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 404 Not Found\r\n"
        b"Content-Length: 8\r\n\r\n<Error/>\r\n--r_1--\r\n"
    )
