"""Make the recordings that `datasets.load_voices` lists: adults of speechocean762 as Ogg Opus.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python tools/make_voices.py [--check]

The folder holds speechocean762.csv (columns path, speaker, split, gender, age_group) and the
recordings that it names, cut to their speech and compressed without loss. The first six recordings
of each adult are encoded. With `--check` nothing is replaced: what was made is compared with what
the package holds, byte by byte.

libsndfile gives each Ogg stream a random serial number. It is replaced by the CRC-32 of the file's
name, so that the same libsndfile and libopus make the same bytes again; other versions of them may
make other bytes of the same sound.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import hashlib
import io
import os
import shutil
import struct
import sys
import tempfile
import zlib
from itertools import groupby
from pathlib import Path

import soundfile

import sklearn_siamese_speaker

PACKAGED = Path(sklearn_siamese_speaker.__file__).parent / "datasets" / "data" / "voices"
N_RECORDINGS = 6  # of each speaker
COMPRESSION_LEVEL = 0.95  # about 20 kbit/s; soundfile sets the rate of Opus by this alone
COLUMNS = ["path", "speaker", "split", "gender", "duration_s", "sha256"]


def main() -> None:
    """Make the recordings, or compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the package only")
    check = parser.parse_args().check
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error("set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder with speechocean762.csv")
    with tempfile.TemporaryDirectory() as made:
        make_voices(Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"]), Path(made))
        if check:
            sys.exit(compare(Path(made), PACKAGED))
        shutil.rmtree(PACKAGED, ignore_errors=True)
        shutil.copytree(made, PACKAGED)


def make_voices(corpus: Path, folder: Path) -> None:
    """Encode the chosen recordings and write the table of them, voices.csv."""
    with open(folder / "voices.csv", "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in choose(corpus / "speechocean762.csv"):
            waveform, sample_rate = soundfile.read(corpus / row["path"], dtype="float32")
            name = f"{row['speaker']}/{Path(row['path']).stem}.ogg"
            content = encode(waveform, sample_rate, serial=zlib.crc32(name.encode()))
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
            table.writerow(
                {
                    "path": name,
                    "speaker": row["speaker"],
                    "split": row["split"],
                    "gender": row["gender"],
                    "duration_s": f"{len(waveform) / sample_rate:.3f}",
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )


def choose(table: Path) -> list[dict[str, str]]:
    """Return the rows of the first recordings of each adult."""
    with open(table, newline="") as lines:
        adults = [row for row in csv.DictReader(lines) if row["age_group"] == "adult"]
    adults.sort(key=lambda row: (row["speaker"], row["path"]))
    speakers = groupby(adults, key=lambda row: row["speaker"])
    return [row for _, rows in speakers for row in list(rows)[:N_RECORDINGS]]


def encode(waveform, sample_rate: int, serial: int) -> bytes:
    """Return a waveform as Ogg Opus, the stream of which has this serial number."""
    file = io.BytesIO()
    soundfile.write(
        file,
        waveform,
        sample_rate,
        format="OGG",
        subtype="OPUS",
        compression_level=COMPRESSION_LEVEL,
    )
    return b"".join(renumber(page, serial) for page in split_into_pages(file.getvalue()))


def split_into_pages(stream: bytes) -> list[bytes]:
    """Return the pages of an Ogg stream (RFC 3533, section 6)."""
    pages = []
    while stream:
        n_segments = stream[26]
        end = 27 + n_segments + sum(stream[27 : 27 + n_segments])
        pages.append(stream[:end])
        stream = stream[end:]
    return pages


def renumber(page: bytes, serial: int) -> bytes:
    """Return a page with another serial number, at byte 14, and its checksum, at byte 22."""
    page = page[:14] + struct.pack("<I", serial) + page[18:22] + bytes(4) + page[26:]
    return page[:22] + struct.pack("<I", ogg_checksum(page)) + page[26:]


def ogg_checksum(content: bytes) -> int:
    """Return the CRC-32 of Ogg: polynomial 0x04c11db7, not reflected, initial value 0."""
    checksum = 0
    for byte in content:
        checksum = (checksum << 8 & 0xFFFFFFFF) ^ CHECKSUMS[checksum >> 24 ^ byte]
    return checksum


def _checksum_of_byte(byte: int) -> int:
    checksum = byte << 24
    for _ in range(8):
        checksum = checksum << 1 ^ (0x104C11DB7 if checksum & 0x80000000 else 0)
    return checksum


CHECKSUMS = [_checksum_of_byte(byte) for byte in range(256)]


def compare(made: Path, packaged: Path) -> int:
    """Print the files that differ; return 1 if there are any, else 0."""
    names = {
        path.relative_to(folder) for folder in (made, packaged) for path in folder.rglob("*.*")
    }
    _, different, missing = filecmp.cmpfiles(made, packaged, names, shallow=False)
    for name in sorted([*different, *missing]):
        print(f"{name} differs")
    print(f"{len(names)} files, {len(different) + len(missing)} different")
    return int(bool(different or missing))


if __name__ == "__main__":
    main()
