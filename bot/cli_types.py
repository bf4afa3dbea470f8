"""What a word of the command line has to look like; argparse shows the text of the refusal."""

import argparse
import re

from commands.grammar import assignment, check_clean
from core.errors import RefusedError
from core.names import is_name

_SHA256 = re.compile(r"[0-9a-f]{64}")


def clean(text: str) -> str:
    try:
        check_clean(text)
    except RefusedError as refusal:
        raise argparse.ArgumentTypeError(str(refusal)) from refusal
    return text


def name(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"should be one word of letters, digits, '.', '_' and '-', is '{text[:60]}'")
    return text


def sha256(text: str) -> str:
    if not _SHA256.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError(f"should be 64 hexadecimal digits, is {len(text)} characters: '{text[:70]}'")
    return text.lower()


def fact(text: str) -> tuple[str, str]:
    pair = assignment(clean(text))
    if pair is None:
        raise argparse.ArgumentTypeError(f"should be FACT=VALUE, is '{text[:60]}'")
    return pair
