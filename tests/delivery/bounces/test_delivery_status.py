"""Anybody may write a report."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.delivery.bounces.delivery_status import read_report


@given(st.binary(max_size=400))
def test_no_bytes_at_all_upset_the_reading(content: bytes) -> None:
    read_report(content)


@given(
    st.lists(
        st.sampled_from(
            [
                "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
                "Content-Type: multipart/mixed; boundary*0=b; boundary*=utf-8''%ff",
                "Content-Type: message/delivery-status", "--b", "--b--", "", "",
                "Action: failed", "Status: 5.1.1", "Final-Recipient: rfc822;a@b",
                "Original-Recipient: rfc822;a+2Bb@c", "Diagnostic-Code: smtp; 550 x",
                " folded", "\x00", "Action: \udcff",
            ]
        ),
        max_size=25,
    ),
    st.sampled_from(["\r\n", "\n"]),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_arrangement_of_its_lines_upsets_it_either(lines: list[str], newline: str) -> None:
    for found in read_report(newline.join(lines).encode("utf-8", "surrogateescape")) or []:
        assert found.action
        found.text("abc")


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/report; boundary=b\r\n\r\n" + b"--b\r\n" * 200_000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
            for n in range(20_000)
        ),
        b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 60_000,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"\r\n" * 500_000,
        b"X: y\r\n" * 170_000,
        b"Content-Type: message/delivery-status\r\n\r\nAction: x\r\nDiagnostic-Code: "
        + b" \r\n\t#5.1." * 110_000,
    ],
    ids=["parts", "nested", "recipients", "blank", "header", "diagnostic"],
)
def test_an_endless_one_is_read_so_far_and_no_further(content: bytes) -> None:
    assert len(read_report(content) or []) <= 50
