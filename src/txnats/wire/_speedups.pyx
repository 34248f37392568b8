# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=False
"""The parser's hot loop, compiled: whole messages in their plainest form, and nothing else.

It takes a MSG or an HMSG in capitals, its fields one blank apart and within all limits, whose body has come whole and
ends as it must. At the first byte of anything else it stops; the parser goes on from there, and says what is wrong.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp

REVISION = 1
"""Goes up when what the parser asks of this module changes: an old build is not used then."""

cdef enum:
    MOST_DIGITS = 18  # more may not fit: the parser knows what to do about them
    SHORTEST_BLOCK = 12


cdef inline Py_ssize_t number(const char* start, Py_ssize_t size) noexcept nogil:
    """These digits as a number, or -1."""
    cdef Py_ssize_t value = 0, at
    cdef unsigned char digit
    if size < 1 or size > MOST_DIGITS:
        return -1
    for at in range(size):
        digit = <unsigned char>(start[at]) - 48
        if digit > 9:
            return -1
        value = value * 10 + digit
    return value


cdef inline bint is_block(const char* start, Py_ssize_t size) noexcept nogil:
    """Whether a header block has the right frame."""
    return (
        memcmp(start, b"NATS/1.0", 8) == 0
        and (start[8] == b"\r" or start[8] == b" " or start[8] == b"\t")
        and memcmp(start + size - 4, b"\r\n\r\n", 4) == 0
    )


def scan(
    bytes data not None,
    Py_ssize_t position,
    list ops not None,
    object message,
    object block,
    object origin,
    Py_ssize_t most_line,
    Py_ssize_t most_payload,
    Py_ssize_t most_block,
):
    """Append the whole plain messages from here on; gives the position behind them, and the bytes that they carry.

    Args:
        data: A chunk.
        position: Where a line begins.
        ops: Where they go.
        message: Makes a message of subject, sid, reply, payload, block and origin.
        block: Makes a header block of its bytes.
        origin: Goes into each message.
        most_line: Bytes of a control line.
        most_payload: Bytes of a payload.
        most_block: Bytes of a header block.
    """
    cdef const char* text = PyBytes_AS_STRING(data)
    cdef Py_ssize_t end = PyBytes_GET_SIZE(data)
    cdef Py_ssize_t starts[5]
    cdef Py_ssize_t ends[5]
    cdef Py_ssize_t at, line, word, words, numbers, size, in_block, body, sid, total = 0
    cdef Py_ssize_t last_sid = -1, subject_size = -1
    cdef const char* subject_text = NULL
    cdef unsigned char byte
    cdef bint headed
    cdef object subject = None, sid_object = None, reply, made_block, payload

    while end - position > 12:  # a shorter message there is none
        # The verb.
        line = position
        headed = text[line] == b"H"
        at = line + headed
        if text[at] != b"M" or text[at + 1] != b"S" or text[at + 2] != b"G" or text[at + 3] != b" ":
            break
        at += 4
        # The words behind it, one blank apart. Any other blank, and any control character, is for the parser.
        words = 0
        word = at
        while at < end:
            byte = <unsigned char>text[at]
            if byte <= 32:
                if at == word or words == 5:
                    break
                starts[words] = word
                ends[words] = at
                words += 1
                if byte != 32:
                    break
                word = at + 1
            at += 1
        if at + 1 >= end or text[at] != b"\r" or text[at + 1] != b"\n" or at == word or at - line > most_line:
            break
        numbers = 3 + headed
        if words != numbers and words != numbers + 1:
            break
        # The numbers.
        sid = number(text + starts[1], ends[1] - starts[1])
        size = number(text + starts[words - 1], ends[words - 1] - starts[words - 1])
        in_block = 0
        if headed:
            in_block = number(text + starts[words - 2], ends[words - 2] - starts[words - 2])
            if in_block < SHORTEST_BLOCK or in_block > size or in_block > most_block:
                break
        if sid < 0 or size < 0 or size - in_block > most_payload:
            break
        # The body, all of it.
        body = at + 2
        if size > end - body - 2 or text[body + size] != b"\r" or text[body + size + 1] != b"\n":
            break
        made_block = None
        if headed:
            if not is_block(text + body, in_block):
                break
            made_block = block(PyBytes_FromStringAndSize(text + body, in_block))
        # Most messages come on the subject of the one before.
        if ends[0] - starts[0] != subject_size or memcmp(text + starts[0], subject_text, subject_size) != 0:
            subject_text = text + starts[0]
            subject_size = ends[0] - starts[0]
            subject = PyBytes_FromStringAndSize(subject_text, subject_size)
        if sid != last_sid:
            last_sid = sid
            sid_object = sid
        reply = None
        if words > numbers:
            reply = PyBytes_FromStringAndSize(text + starts[2], ends[2] - starts[2])
        payload = PyBytes_FromStringAndSize(text + body + in_block, size - in_block)
        ops.append(message(subject, sid_object, reply, payload, made_block, origin))
        total += size
        position = body + size + 2
    return position, total
