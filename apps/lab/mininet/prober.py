"""
Sends and receives numbered UDP packets in one host's namespace, and says what was sent when and what arrived. Told by a line of JSON on stdin:

    {"port", "seconds", "graceSeconds", "flows": [{"id", "address", "dscp", "sourcePort", "pps", "bytes"}]}

where `bytes` is the UDP payload. Answers "ready", and is told by a second line when to start: nanoseconds of CLOCK_MONOTONIC, which all namespaces
share. At the end it answers by JSON on stdout:

    {"sent": {id: [microseconds since the start, ...]}, "received": {id: [[first, last], ...]}}

where `received` holds runs of sequence numbers in the order of their arrival.
"""

import ctypes
import json
import math
import os
import resource
import signal
import socket
import struct
import sys
import time

HEADER = struct.Struct("!4sII")
MAGIC = b"slce"
TICK = 0.0005
BURST = 20
GOLDEN = 0.6180339887
# Below one, so that each flow sends as many packets as its rate says.
PHASE_MAX = 0.95
SO_RCVBUFFORCE = 33
PR_SET_PDEATHSIG = 1


def many_sockets():
    """One for each flow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def prefer():
    """A prober that waits for a processor says nothing of the network: only switches come before it. It goes with its parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpriority(os.PRIO_PROCESS, 0, -19)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def send(given):
    """
    Each flow evenly; what is a little late is sent at once, with the time at which it went. What is later than BURST packets is not sent at all:
    the meters of a plan would drop a heap of packets, and the network would be blamed for a busy machine.
    """
    flows = []
    for flow in given["flows"]:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, flow["dscp"] << 2)
        sender.bind(("", flow["sourcePort"]))
        sender.connect((flow["address"], given["port"]))
        flows.append((flow["id"], sender, flow["pps"], b"\0" * max(0, flow["bytes"] - HEADER.size), []))
    start, seconds = given["startNs"], given["seconds"]
    skipped = {number: 0 for number, *_ in flows}
    # Flows of one group that all send at the same moments would be a burst for its meter.
    phase = {number: (i * GOLDEN) % PHASE_MAX for i, (number, *_) in enumerate(flows)}
    while True:
        now = time.monotonic_ns() - start
        if now >= seconds * 1e9:
            break
        if now >= 0:
            for number, sender, pps, padding, times in flows:
                due = math.floor(now * pps / 1e9 - phase[number]) + 1 - skipped[number]
                if due - len(times) > BURST:
                    skipped[number] += due - len(times) - 1
                    due = len(times) + 1
                while len(times) < due:
                    at = time.monotonic_ns() - start
                    try:
                        sender.send(HEADER.pack(MAGIC, number, len(times)) + padding)
                    except OSError as error:
                        print("prober: %s" % error, file=sys.stderr)
                    times.append(at // 1000)
        time.sleep(TICK if now >= 0 else min(0.01, -now / 1e9))
    return {number: times for number, _, _, _, times in flows}


def receive(given, receiver):
    runs = {}
    until = given["startNs"] + int((given["seconds"] + given["graceSeconds"]) * 1e9)
    buffer = bytearray(2048)
    while True:
        left = (until - time.monotonic_ns()) / 1e9
        if left <= 0:
            return runs
        receiver.settimeout(left)
        try:
            size = receiver.recv_into(buffer)
        except socket.timeout:
            return runs
        if size < HEADER.size:
            continue
        magic, number, sequence = HEADER.unpack_from(buffer)
        if magic != MAGIC:
            continue
        known = runs.setdefault(number, [])
        if known and known[-1][1] + 1 == sequence:
            known[-1][1] = sequence
        else:
            known.append([sequence, sequence])


def main():
    given = json.loads(sys.stdin.readline())
    many_sockets()
    prefer()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    receiver.bind(("", given["port"]))
    print("ready", flush=True)
    given["startNs"] = int(sys.stdin.readline())
    if time.monotonic_ns() > given["startNs"]:
        # What others have sent by now would be called lost.
        sys.exit("it was ready %.1f s too late" % ((time.monotonic_ns() - given["startNs"]) / 1e9))
    out, into = os.pipe()
    # Of its own process, so that receiving never holds up the clock of sending.
    if os.fork() == 0:
        os.close(out)
        receiver.close()
        with os.fdopen(into, "w") as file:
            json.dump(send(given), file)
        os._exit(0)
    os.close(into)
    received = receive(given, receiver)
    with os.fdopen(out) as file:
        sent = json.load(file)
    os.wait()
    json.dump({"sent": sent, "received": received}, sys.stdout)


main()
