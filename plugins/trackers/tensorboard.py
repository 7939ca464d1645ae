"""Losses and scores as TensorBoard event files, under ``tensorboard/`` in the run folder: HARNESS_TRACK=tensorboard.

The files are written here, scalars only, so that neither TensorBoard nor TensorFlow is needed to write them. A file is a
sequence of TFRecords (length, checksum, data, checksum), each holding a protocol buffer ``Event``.
"""

import os
import socket
import struct
import time

from harness import hookimpl, tracks

_WRITERS = {}


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # CRC-32C (Castagnoli), reflected
        table.append(byte)
    return table


_CRC = _crc_table()


def masked_crc(data):
    """The checksum of TFRecords: CRC-32C, rotated and offset."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    """A whole number, seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _bytes_field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def scalar(tag, value):
    """A ``Summary`` with one ``simple_value``."""
    return _bytes_field(1, _bytes_field(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value))


class Writer:
    """Appends events to a new file in ``folder``; every event is flushed."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns() // 10**9}.{socket.gethostname()}.{os.getpid()}.{len(_WRITERS)}"
        self._file = (folder / name).open("ab")
        self._write(_bytes_field(3, b"brain.Event:2"))

    def add(self, tag, value, step):
        """One number at one step."""
        self._write(varint(2 << 3) + varint(step) + _bytes_field(5, scalar(tag, value)))

    def _write(self, fields):
        event = varint(1 << 3 | 1) + struct.pack("<d", time.time()) + fields
        length = struct.pack("<Q", len(event))
        checksums = (struct.pack("<I", masked_crc(part)) for part in (length, event))
        self._file.write(length + next(checksums) + event + next(checksums))
        self._file.flush()

    def close(self):
        """Nothing more is written."""
        self._file.close()


def writer(folder):
    """The writer of a run, or of a checkpoint that is trained by itself; None where nobody wants it."""
    if not tracks("tensorboard"):
        return None
    if folder not in _WRITERS:
        _WRITERS[folder] = Writer(folder.with_name(f"{folder.name}.tensorboard"))
    return _WRITERS[folder]


@hookimpl
def harness_run_started(folder):
    if tracks("tensorboard"):
        _WRITERS[folder] = Writer(folder / "tensorboard")


@hookimpl
def harness_step_trained(folder, task, step, loss):
    if file := writer(folder):
        file.add(f"loss/{task}", loss, step)


@hookimpl
def harness_unit_scored(folder, task, language, split, entry):
    if entry["score"] and (file := writer(folder)):
        for name, estimate in entry["score"]["metrics"].items():
            file.add(f"{split}/{task}/{name}/{language}", estimate["value"], 0)


@hookimpl
def harness_run_finished(folder, record):
    scores = record["scores"] or {}
    if file := writer(folder):
        for task, entry in scores.get("tasks", {}).items():
            if entry["score"] is not None:
                file.add(f"score/{task}", entry["score"], 0)
        _WRITERS.pop(folder).close()
