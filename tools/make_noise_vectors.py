#!/usr/bin/env python3
"""Writes tests/unit/transport/vectors/noise.json with an implementation of Noise that is not ours.

The vectors have the shape of the published cacophony set: fixed keys, all handshake messages, then
transport messages in both directions; and, which the published set lacks, some after a REKEY. Keys
and payloads come from a seeded generator, so the same versions write the same file again:

    python3 -m venv venv
    venv/bin/pip install noiseprotocol==0.3.1 cryptography==42.0.8
    venv/bin/python tools/make_noise_vectors.py > tests/unit/transport/vectors/noise.json
"""
import hashlib
import json
import sys

from noise.connection import Keypair, NoiseConnection

CASES = 3  # of each protocol; the payload sizes differ
MESSAGES = 8
REKEYED = 2  # messages after both sides applied REKEY to both directions


def stream(label, size):
    return hashlib.shake_256(label.encode()).digest(size)


def connection(name, initiator, label, remote=None):
    conn = NoiseConnection.from_name(name.encode())
    (conn.set_as_initiator if initiator else conn.set_as_responder)()
    side = "init" if initiator else "resp"
    conn.set_prologue(stream(label + "prologue", 20))
    conn.set_keypair_from_private_bytes(Keypair.STATIC, stream(label + side + "static", 32))
    conn.set_keypair_from_private_bytes(Keypair.EPHEMERAL, stream(label + side + "ephemeral", 32))
    if remote is not None:
        conn.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, remote)
    conn.start_handshake()
    return conn


def vector(name, case):
    label = "%s/%d/" % (name, case)
    resp = connection(name, False, label)
    remote = resp.noise_protocol.keypairs["s"].public_bytes if "_IK_" in name else None
    init = connection(name, True, label, remote)
    out = {
        "protocol_name": name,
        "init_prologue": stream(label + "prologue", 20).hex(),
        "resp_prologue": stream(label + "prologue", 20).hex(),
        "init_static": stream(label + "initstatic", 32).hex(),
        "resp_static": stream(label + "respstatic", 32).hex(),
        "init_ephemeral": stream(label + "initephemeral", 32).hex(),
        "resp_ephemeral": stream(label + "respephemeral", 32).hex(),
        "messages": [],
        "rekeyed": [],
    }
    if remote is not None:
        out["init_remote_static"] = remote.hex()
    for turn in range(MESSAGES + REKEYED):
        if turn == MESSAGES:
            for side in (init, resp):
                side.rekey_inbound_cipher()
                side.rekey_outbound_cipher()
        src, dst = (init, resp) if turn % 2 == 0 else (resp, init)
        payload = stream(label + "payload%d" % turn, (0, 1, 31, 64, 100)[(turn + case) % 5])
        if src.handshake_finished:
            sealed = src.encrypt(payload)
            opened = dst.decrypt(sealed)
        else:
            sealed = bytes(src.write_message(payload))
            opened = bytes(dst.read_message(sealed))
        assert opened == payload
        kind = "messages" if turn < MESSAGES else "rekeyed"
        out[kind].append({"payload": payload.hex(), "ciphertext": sealed.hex()})
    assert init.get_handshake_hash() == resp.get_handshake_hash()
    out["handshake_hash"] = init.get_handshake_hash().hex()
    return out


def main():
    names = ["Noise_%s_25519_%s_BLAKE2b" % (pattern, cipher)
             for pattern in ("IK", "XX") for cipher in ("AESGCM", "ChaChaPoly")]
    vectors = [vector(name, case) for name in names for case in range(CASES)]
    json.dump({"vectors": vectors}, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
