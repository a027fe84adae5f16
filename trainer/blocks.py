"""Whether a DuckDB file is as it was written, told by the checksums of its blocks.

DuckDB looks at the checksum of a block when it reads it, and not before. To have it read all that a file holds, through
SQL, takes several times as long as to look at the blocks themselves, and leaves out the indexes. What is said here
holds for the storage format of DuckDB 2.0: of a format that is unknown nothing is said to be whole, so that it is read.
"""

from pathlib import Path

import numpy as np

HEADERS = 3 * 4_096  # bytes of a file before its first block
BLOCK = 262_144  # bytes of a block, of which the first eight are the checksum of the others
FACTOR, START = np.uint64(0xBF58476D1CE4E5B9), np.uint64(5_381)
AT_A_TIME = 16  # blocks that are read


def are_whole(file: Path) -> bool:
    """Whether all blocks of a file, those that are in use and those that are not, have the right checksum.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        stream.seek(HEADERS)
        while content := stream.read(AT_A_TIME * BLOCK):
            if len(content) % BLOCK:
                return False
            for block in np.frombuffer(content, "<u8").reshape(-1, BLOCK // 8):
                if np.bitwise_xor.reduce(block[1:] * FACTOR) ^ START != block[0]:
                    return False
    return True


def lengthen(file: Path, length: int) -> None:
    """Adds blocks that hold nothing, until the file has so many bytes."""
    with file.open("ab") as stream:
        for _ in range(file.stat().st_size, length, BLOCK):
            stream.write(int(START).to_bytes(8, "little") + bytes(BLOCK - 8))
