"""Who is looking: a session is a signed cookie, and nothing is kept of it here.

A session is the operator's, who came by a link that only the data directory gives and may see all
accounts, or that of a Batch account, whose key was given; it ends with that key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

import msgspec

from batchite.configuration.accounts import BatchAccount
from batchite.wire.signing.mac import hmac_sha256

PATH = "/-/portal"
SECONDS = 12 * 3600
"""from the last look on"""
RENEWED_AFTER = 3600
"""seconds after which a look renews the session"""
LONGEST_SECONDS = 30 * 86_400
"""after which one has to come in again, however often one has looked"""
_TOKEN_BYTES = 32


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds of the machine's clock."""

    id: str
    account: str = ""
    """none: the operator's"""
    key: str = ""
    """what tells the key it was opened with"""
    began: int
    renewed: int

    @property
    def is_operator(self) -> bool:
        return not self.account

    @property
    def who(self) -> str:
        """As the log names whoever it is."""
        return f"account {self.account}" if self.account else "operator"


class Sessions:
    """Signs and reads them. The cookie's name is the service's own, since browsers give a cookie to every
    port of a machine."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.cookie_name = f"batchite-{hashlib.sha256(b'cookie' + secret).hexdigest()[:12]}"

    def begin(self, now: int, account: BatchAccount | None = None, key: str = "") -> Session:
        """The operator's, or that of an account whose `key` was given."""
        session = Session(id=secrets.token_hex(16), began=now, renewed=now)
        if account is None:
            return session
        return msgspec.structs.replace(session, account=account.name, key=self.fingerprint(key))

    def fingerprint(self, key: str) -> str:
        """Tells a key from others, and not what it is."""
        return hmac_sha256(self._secret, f"key {key}".encode()).hex()[:32]

    def renewed(self, session: Session, now: int) -> Session:
        """The session itself, unless it is time to renew it."""
        if now - session.renewed < RENEWED_AFTER:
            return session
        return msgspec.structs.replace(session, renewed=now)

    def csrf_token(self, session: Session) -> str:
        """What every change has to say: a page of somebody else's cannot know it.

        Each time it is another text for the same, since pages are packed (`packing`): a mask, and the token
        under it.
        """
        mask = secrets.token_bytes(_TOKEN_BYTES)
        return (mask + _under(mask, self._token(session))).hex()

    def is_csrf_token(self, session: Session, given: str) -> bool:
        try:
            told = bytes.fromhex(given)
        except ValueError:
            return False
        return hmac.compare_digest(_under(told[:_TOKEN_BYTES], told[_TOKEN_BYTES:]), self._token(session))

    def _token(self, session: Session) -> bytes:
        return hmac_sha256(self._secret, f"change {session.id}".encode())

    def sealed(self, session: Session, text: str) -> str:
        """The text as the value of a cookie that only this session can be given back."""
        return self._signed(session.id.encode() + b" " + text.encode())

    def unsealed(self, session: Session, value: str) -> str:
        """The text; empty if it is not ours."""
        content = self._verified(value) or b""
        owner, _, text = content.partition(b" ")
        return text.decode(errors="replace") if owner == session.id.encode() else ""

    def set_cookie(self, session: Session, *, secure: bool) -> str:
        """The value of Set-Cookie."""
        return self._cookie(self._signed(msgspec.json.encode(session)), SECONDS, secure)

    def end_cookie(self, *, secure: bool) -> str:
        """The value of Set-Cookie that ends it."""
        return self._cookie("", 0, secure)

    def _cookie(self, value: str, seconds: int, secure: bool) -> str:
        end = "; Secure" if secure else ""
        return f"{self.cookie_name}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{end}"

    def _signed(self, content: bytes) -> str:
        return f"{_text(content)}.{_text(hmac_sha256(self._secret, b'session ' + content))}"

    def read(self, cookies: str, now: int) -> Session | None:
        """Of the header Cookie; None if there is none that is signed and not over."""
        content = self._verified(cookie(cookies, self.cookie_name))
        if content is None:
            return None
        try:
            session = msgspec.json.decode(content, type=Session)
        except ValueError:  # something else that we have signed
            return None
        over = now >= session.renewed + SECONDS or now >= session.began + LONGEST_SECONDS
        return None if over else session

    def _verified(self, value: str) -> bytes | None:
        text, _, signature = value.partition(".")
        try:
            content, given = _bytes(text), _bytes(signature)
        except (ValueError, binascii.Error):
            return None
        is_ours = hmac.compare_digest(hmac_sha256(self._secret, b"session " + content), given)
        return content if is_ours else None


def _under(mask: bytes, content: bytes) -> bytes:
    """The content under the mask; of what is under it, the content."""
    return bytes(one ^ other for one, other in zip(mask, content, strict=False))


def cookie(cookies: str, name: str) -> str:
    """The value of a cookie in the header Cookie, empty if it is not there. Ours are never quoted, so this
    takes no quotes apart, as `http.cookies` does in a time that grows with the square of their length."""
    for pair in cookies.split(";"):
        given, _, value = pair.partition("=")
        if given.strip() == name:
            return value.strip()
    return ""


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
