from batchite.wire.blob.crc64 import Crc64, crc64

CHECK = bytes.fromhex("8898790a86148bae")
"""Of the digits 1 to 9: the published check value of CRC-64/NVME, lowest byte first."""


def test_the_published_check_value() -> None:
    assert crc64(b"123456789") == CHECK


def test_pieces_give_the_checksum_of_the_whole() -> None:
    checksum = Crc64()
    for piece in (b"1234", memoryview(b"56789"), b""):
        checksum.update(piece)
    assert checksum.digest() == CHECK


def test_nothing_has_a_checksum_too() -> None:
    assert crc64(b"") == Crc64().digest() == bytes(8)
